// A sheet of paper to draw a digit on. The drawing is a list of items (strokes, pictures put on the paper, clearings);
// the list lives in the page, survives the kernel, and is what Undo takes back. The kernel sees only the finished image.

const PAPER = 560; // the canvas's own pixels a side; items are in these units
const PHOTO = 640; // an opened picture is reduced to this many pixels a side before it is sent
const NIB = 10; // one step of the cursor keys

// ---- the drawing, one for each page and name, kept in the browser for as long as its tab is open

function openDrawing(shelf) {
  const drawing = new EventTarget();
  drawing.items = [];
  try {
    drawing.items = JSON.parse(sessionStorage.getItem(shelf)) ?? [];
  } catch (error) { /* no storage in this page: the drawing lives as long as the page */ }
  drawing.keep = () => {
    try {
      sessionStorage.setItem(shelf, JSON.stringify(drawing.items));
    } catch (error) { /* storage full or absent: as above */ }
    drawing.dispatchEvent(new Event("change"));
  };
  drawing.add = (item) => { drawing.items.push(item); drawing.keep(); };
  drawing.undo = () => { drawing.items.pop(); drawing.keep(); };
  drawing.isBlank = () => drawing.items.length === 0 || drawing.items.at(-1).kind === "clear";
  return drawing;
}

const drawings = new Map(); // so that a second view of the same pad shows the same paper

function drawingOf(model) {
  const shelf = `lenet-draw-pad:${location.pathname}:${model.get("name")}`;
  if (!drawings.has(shelf)) drawings.set(shelf, openDrawing(shelf));
  return drawings.get(shelf);
}

// ---- painting

function paintStroke(pen, item, from = 0) {
  const points = item.points;
  pen.strokeStyle = pen.fillStyle = item.kind === "eraser" ? "#fff" : "#000";
  pen.lineWidth = item.width;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  if (points.length === 1) {
    pen.arc(points[0][0], points[0][1], item.width / 2, 0, 2 * Math.PI);
    pen.fill();
    return;
  }
  pen.moveTo(...points[Math.max(0, from - 1)]);
  for (const point of points.slice(Math.max(1, from))) pen.lineTo(...point);
  pen.stroke();
}

function paintPicture(pen, item) {
  const ink = Uint8Array.from(atob(item.ink), (letter) => letter.charCodeAt(0));
  const side = Math.sqrt(ink.length);
  const pixels = new ImageData(side, side);
  ink.forEach((value, at) => pixels.data.set([255 - value, 255 - value, 255 - value, 255], 4 * at));
  const sheet = new OffscreenCanvas(side, side);
  sheet.getContext("2d").putImageData(pixels, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(sheet, 0, 0, PAPER, PAPER);
}

function paintAll(pen, items) {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, PAPER, PAPER);
  const start = items.findLastIndex((item) => item.kind !== "pen" && item.kind !== "eraser");
  for (const item of items.slice(Math.max(0, start))) {
    if (item.kind === "picture") paintPicture(pen, item);
    else if (item.kind !== "clear") paintStroke(pen, item);
  }
}

function inkOf(canvas, side) {
  const small = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  small.imageSmoothingQuality = "high";
  small.drawImage(canvas, 0, 0, side, side);
  const pixels = small.getImageData(0, 0, side, side).data;
  return new Uint8Array(side * side).map((_, at) => 255 - pixels[4 * at]);
}

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

const PAGE = `
  <div class="pad">
    <div class="paper">
      <canvas width="${PAPER}" height="${PAPER}" tabindex="0" role="application"
        aria-label="Drawing pad. Draw one digit with mouse, pen or finger. With the keyboard: arrow keys move the pen,
        space puts it down and lifts it, U takes back a stroke, Delete clears."></canvas>
      <div class="tools" role="toolbar" aria-label="Drawing tools">
        <button data-do="pen" aria-pressed="true">Pen</button>
        <button data-do="eraser" aria-pressed="false">Eraser</button>
        <button data-do="undo">Undo</button>
        <button data-do="clear">Clear</button>
        <label class="width">Width <input type="range" min="14" max="90" value="44" aria-label="Width of pen and eraser"></label>
        <button data-do="sample">Sample digit</button>
        <label class="file">Open a picture<input type="file" accept="image/*" aria-label="Open a picture of a digit"></label>
      </div>
      <span class="hint">Keyboard: arrow keys, space to draw, U to undo.</span>
    </div>
    <div class="answer">
      <p class="verdict" role="status" aria-live="polite"></p>
      <p class="remark"></p>
      <div class="picture"></div>
    </div>
  </div>`;

function render({ model, el }) {
  el.classList.add("lenet");
  el.innerHTML = PAGE;
  const drawing = drawingOf(model);
  const find = (selector) => el.querySelector(selector);
  const pad = find(".pad"), canvas = find("canvas"), width = find(".width input"), file = find(".file input");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const notice = noticeLine(find(".answer"));
  const line = kernelLine(model, {
    onSilence: () => (notice.textContent = model.get("lost")),
    onAnswer: (milliseconds) => {
      notice.textContent = model.get("problem");
      if (milliseconds !== null) pad.dataset.milliseconds = milliseconds.toFixed(0);
    },
  });
  let tool = "pen";
  let stroke = null; // the stroke under the pen, not yet part of the drawing
  let pointer = null;
  let cursor = null; // where the keyboard's pen is

  const ask = () => line.ask({ image: new DataView(inkOf(canvas, model.get("side")).buffer) });
  const repaint = () => {
    paintAll(pen, drawing.items);
    if (stroke) paintStroke(pen, stroke);
    find('[data-do="undo"]').disabled = drawing.items.length === 0;
    find('[data-do="clear"]').disabled = drawing.isBlank();
    pad.dataset.items = drawing.items.length;
  };
  let due = null; // repainting once a frame is enough, however fast the strokes come
  const repaintSoon = () => { due ??= requestAnimationFrame(() => { due = null; repaint(); }); };
  const change = (edit) => { edit(); repaint(); ask(); };
  const show = () => {
    find(".verdict").textContent = model.get("verdict");
    find(".remark").textContent = model.get("remark");
    find(".picture").innerHTML = model.get("markup");
  };
  const choose = (name) => {
    tool = name;
    for (const button of el.querySelectorAll("[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.dataset.do === name));
    }
  };

  // strokes
  const begin = (point, kind) => {
    stroke = { kind, width: Number(width.value), points: [point] };
    paintStroke(pen, stroke);
  };
  const extend = (points) => {
    const from = stroke.points.length;
    stroke.points.push(...points);
    paintStroke(pen, stroke, from);
  };
  const lift = () => {
    if (!stroke) return;
    const finished = stroke;
    stroke = pointer = null;
    drawing.add(finished);
    ask();
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = PAPER / canvas.clientWidth;
    return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop].map((at) =>
      Math.round(at * scale));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (stroke || event.button === 2) return; // a second finger, or a menu
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    canvas.classList.add("by-pointer");
    canvas.focus({ preventScroll: true });
    event.preventDefault();
    begin(place(event), event.button === 5 ? "eraser" : tool); // 5: the far end of a pen
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke || event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    extend((events.length ? events : [event]).map(place));
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(name, (event) => event.pointerId === pointer && lift());
  }

  // the keyboard's pen
  const moveCursor = (right, down) => {
    const from = cursor ?? [PAPER / 2, PAPER / 4];
    cursor = [from[0] + right * NIB, from[1] + down * NIB].map((at) => Math.min(Math.max(at, 0), PAPER));
    if (stroke) extend([cursor]);
    repaint();
    pen.strokeStyle = "#3f80d8";
    pen.lineWidth = 3;
    pen.beginPath();
    pen.arc(...cursor, Number(width.value) / 2 + 3, 0, 2 * Math.PI);
    pen.stroke();
  };
  const keys = {
    ArrowUp: () => moveCursor(0, -1), ArrowDown: () => moveCursor(0, 1),
    ArrowLeft: () => moveCursor(-1, 0), ArrowRight: () => moveCursor(1, 0),
    " ": () => {
      if (stroke) { repaint(); lift(); } else { moveCursor(0, 0); begin(cursor, tool); }
    },
    u: () => doing.undo(), Delete: () => doing.clear(),
  };
  canvas.addEventListener("keydown", (event) => {
    const key = event.ctrlKey || event.metaKey ? (event.key === "z" ? "u" : null) : event.key;
    if (!(key in keys)) return;
    keys[key]();
    canvas.classList.remove("by-pointer");
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("blur", () => {
    if (pointer === null && stroke) lift();
    if (cursor) repaint();
    cursor = null;
  });

  // tools
  const doing = {
    pen: () => choose("pen"),
    eraser: () => choose("eraser"),
    undo: () => { if (drawing.items.length) change(() => drawing.undo()); },
    clear: () => { if (!drawing.isBlank()) change(() => drawing.add({ kind: "clear" })); },
    sample: () => line.post({ request: "sample" }),
  };
  find(".tools").addEventListener("click", (event) => doing[event.target.dataset.do]?.());
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
  file.addEventListener("change", () => { open(file.files[0]); file.value = ""; });
  canvas.addEventListener("dragover", (event) => { event.preventDefault(); pad.classList.add("dropping"); });
  canvas.addEventListener("dragleave", () => pad.classList.remove("dropping"));
  canvas.addEventListener("drop", (event) => {
    event.preventDefault();
    pad.classList.remove("dropping");
    open(event.dataTransfer.files[0]);
  });

  // what the kernel sends
  const onPlaced = (message) => {
    if (message.placed !== undefined) change(() => drawing.add({ kind: "picture", ink: message.placed }));
  };
  model.on("msg:custom", onPlaced);
  model.on("change:markup change:verdict change:remark", show);
  drawing.addEventListener("change", repaintSoon);

  repaint();
  show();
  if (drawing.items.length) ask();
  return () => {
    line.close();
    drawing.removeEventListener("change", repaintSoon);
  };
}

export default { render };
