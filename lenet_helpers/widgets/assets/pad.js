// The pads: a sheet of paper whose drawing the kernel reads, samples and opened pictures put on it by the kernel. A wide
// sheet has the kernel's picture right under it, column below column.

const PHOTO = 640; // an opened picture is reduced to this many pixels a side before it is sent

// ---- a picture file as raw pixels, reduced to a size worth sending

async function readPicture(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, PHOTO / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const sheet = new OffscreenCanvas(width, height).getContext("2d");
  sheet.imageSmoothingQuality = "high";
  sheet.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { width, height, pixels: sheet.getImageData(0, 0, width, height).data };
}

// ---- the page

const ANSWER = `
  <div class="answer">
    <p class="verdict" role="status" aria-live="polite"></p>
    <p class="remark"></p>
  </div>`;
const moreTools = (thing) => `
  <button data-do="sample">Sample ${thing}</button>
  <label class="file">Open a picture<input type="file" accept="image/*" aria-label="Open a picture of a ${thing}"></label>`;

function render({ model, el }) {
  el.classList.add("lenet");
  el.innerHTML = `<div class="pad">${ANSWER}</div>`;
  const find = (selector) => el.querySelector(selector);
  const pad = find(".pad");
  const [thing, shape] = ["thing", "shape"].map((name) => model.get(name));
  const picture = document.createElement("div");
  picture.className = "picture";
  find(".answer").append(picture);
  const notice = noticeLine(find(".answer"));
  const line = kernelLine(model, {
    onSilence: () => (notice.textContent = model.get("lost")),
    onAnswer: (milliseconds) => {
      notice.textContent = model.get("problem");
      if (milliseconds !== null) pad.dataset.milliseconds = milliseconds.toFixed(0);
    },
  });
  const ask = () => line.ask({ image: new DataView(sheet.ink(...shape).buffer) });
  const shelf = `lenet-${thing}-pad:${location.pathname}:${model.get("name")}`;
  const sheet = layPaper(pad, { shelf, changed: ask, thing });
  if (find(".wide")) sheet.canvas.after(picture);
  const show = () => {
    find(".verdict").textContent = model.get("verdict");
    find(".remark").textContent = model.get("remark");
    picture.innerHTML = model.get("markup");
  };

  // what the kernel puts on the paper
  find(".tools").insertAdjacentHTML("beforeend", moreTools(thing));
  find('[data-do="sample"]').addEventListener("click", () => line.post({ request: "sample" }));
  const open = async (chosen) => {
    if (!chosen) return;
    notice.textContent = `Reading ${chosen.name} ...`;
    try {
      const { width: columns, height: rows, pixels } = await readPicture(chosen);
      line.post({ request: "picture", size: [rows, columns] }, [pixels.buffer]);
    } catch (error) {
      notice.textContent = `${chosen.name} is not a picture this browser can read. Choose a PNG, JPEG, GIF or WebP file; `
        + "your drawing is unchanged.";
    }
  };
  find(".file input").addEventListener("change", ({ target }) => { open(target.files[0]); target.value = ""; });
  sheet.canvas.addEventListener("dragover", (event) => { event.preventDefault(); pad.classList.add("dropping"); });
  sheet.canvas.addEventListener("dragleave", () => pad.classList.remove("dropping"));
  sheet.canvas.addEventListener("drop", (event) => {
    event.preventDefault();
    pad.classList.remove("dropping");
    open(event.dataTransfer.files[0]);
  });
  const onPlaced = (message) => {
    if (message.placed !== undefined) sheet.place(message.placed);
  };
  model.on("msg:custom", onPlaced);
  model.on("change:markup change:verdict change:remark", show);

  show();
  if (sheet.isUsed()) ask();
  return () => {
    line.close();
    sheet.close();
  };
}

export default { render };
