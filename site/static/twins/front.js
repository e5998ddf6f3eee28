// The widgets' own front ends on a page without a kernel: each gets a model whose answers are computed here.

import livePictureFront from "../live_picture.js";
import sliderFront from "../slider.js";
import { fitBox } from "../centring.js";
import { fetched } from "../fetched.js";
import { readWeights } from "../lenet.js";
import { layPaper } from "../sheet.js";

const SIDE = 112; // pixels a side of the drawing as it is centred, as in the notebooks' pad
const SIZE = 28 * 28;

// What anywidget hands a front end: named values and who wants to hear of a change. `saved` is the kernel's part.
class Model {
  constructor(values, saved) {
    Object.assign(this, { values, saved, hearers: new Map() });
  }

  get(name) { return this.values[name]; }

  set(name, value) {
    if (this.values[name] === value) return;
    this.values[name] = value;
    for (const hearer of this.hearers.get(`change:${name}`) ?? []) hearer();
  }

  on(names, hearer) {
    for (const name of names.split(" ")) this.hearers.set(name, [...(this.hearers.get(name) ?? []), hearer]);
  }

  off(name, hearer) { this.hearers.set(name, (this.hearers.get(name) ?? []).filter((other) => other !== hearer)); }

  save_changes() { this.saved(this); }
}

const inside = (el) => el.appendChild(document.createElement("div"));

// A picture that answers to touch, at the end of `el`. An Error that touched() throws is told under the picture.
export function livePicture(el, touched = null, markup = "") {
  const model = new Model({ asked: 0, answered: 0, touched: {}, problem: "", spoken: "", markup }, () => {
    let problem = "";
    try {
      touched?.(model.get("touched"));
    } catch (error) {
      problem = error.message;
    }
    model.set("problem", problem);
    model.set("answered", model.get("asked"));
  });
  livePictureFront.render({ model, el: inside(el) });
  if (!touched) el.querySelector(".picture").tabIndex = 0; // the keyboard too reaches what a narrow page scrolls to
  const showMarkup = (words) => model.set("markup", words);
  const show = (picture) => {
    model.set("spoken", picture.alt);
    showMarkup(picture.markup());
  };
  return { show, showMarkup };
}

// A slider over `labels`, at the end of `el`; changed(index) hears of every move. Set its `index` or `disabled`.
export function slider(el, description, labels, index, changed, running = false) {
  const model = new Model({ description, labels: labels.map(String), index, disabled: false, running }, () => {});
  model.on("change:index", () => changed(model.get("index")));
  sliderFront.render({ model, el: inside(el) });
  return model;
}

// A list to choose from, at the end of `el`: `options` are [words, value].
export function choice(el, name, options, chosen, changed) {
  const id = `choice-${document.querySelectorAll("select").length}`;
  inside(el).innerHTML = `<div class="slider"><label class="name" for="${id}">${name}</label><select id="${id}">
    ${options.map(([words]) => `<option>${words}</option>`).join("")}</select></div>`;
  const select = el.querySelector(`#${id}`);
  select.selectedIndex = options.findIndex(([, value]) => value === chosen);
  select.addEventListener("change", () => changed(options[select.selectedIndex][1]));
}

export const weightsOf = async (el) => readWeights(await fetched(el.dataset.weights));

// A slider through the sample digits, and a sheet for the reader's own: show(digit) gets 28 x 28 bytes.
export async function digitChooser(el, show) {
  const pixels = new Uint8Array(await fetched(new URL("../digits.bin", import.meta.url).href));
  const samples = Array.from({ length: pixels.length / SIZE }, (_, at) => pixels.subarray(SIZE * at, SIZE * at + SIZE));
  el.classList.add("digits");
  const sample = slider(el, "Digit no.", [...samples.keys()], 0, (index) => show(samples[index]));
  const own = inside(el);
  own.innerHTML = '<details><summary>Draw your own</summary><div class="pad"></div></details>';
  const drawn = () => show(fitBox(sheet.ink(SIDE), SIDE) ?? samples[sample.get("index")]);
  const sheet = layPaper(own.querySelector(".pad"), {
    shelf: `lenet-twin:${location.pathname}:${el.parentElement.id}`, changed: drawn, moved: drawn,
  });
  own.querySelector("details").open = sheet.isUsed();
  drawn();
}
