// A slider with a name that screen readers know; with `running` it can also move by itself.

const BEAT = 60; // milliseconds between two steps of a slider that moves by itself

function render({ model, el }) {
  el.classList.add("lenet");
  const name = model.get("description");
  el.innerHTML = `<label class="slider"><span class="name"></span><input type="range" min="0"><output></output></label>`;
  const [label, input, output] = ["label", "input", "output"].map((selector) => el.querySelector(selector));
  label.querySelector(".name").textContent = name;
  input.setAttribute("aria-label", name);

  const show = () => {
    input.max = model.get("labels").length - 1;
    input.value = model.get("index");
    input.disabled = model.get("disabled");
    output.textContent = model.get("labels")[model.get("index")];
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const move = (index) => {
    model.set("index", index);
    model.save_changes();
    show();
  };
  input.addEventListener("input", () => move(Number(input.value)));
  model.on("change:index change:disabled", show);
  show();
  if (!model.get("running")) return;

  const play = document.createElement("button");
  let beat = null;
  const rest = () => {
    clearInterval(beat);
    beat = null;
    play.textContent = "Slide";
  };
  play.addEventListener("click", () => {
    if (beat) return rest();
    play.textContent = "Hold";
    beat = setInterval(() => move((model.get("index") + 1) % model.get("labels").length), BEAT);
  });
  rest();
  label.after(play);
  return rest;
}

export default { render };
