// The network in a page, each element of class "network": what is drawn goes through it as it is drawn, and every layer
// shows what it makes of it. The element has a name in its id, and the address of the weights in data-weights.

import { layPaper } from "./sheet.js";
import { fitBox } from "./centring.js";
import { field, paint, signed } from "./colours.js";
import { fetched } from "./fetched.js";
import { offerSample } from "./hand.js";
import { readWeights } from "./lenet.js";
import { read } from "./reading.js";

const SIDE = 112; // pixels a side of the drawing as it is centred, as in the notebooks' pad
const BLANK = new Uint8Array(28 * 28);
const EMPTY = "Draw a digit.";
const EMPTY_REMARK = "As large as you like: it is centred before it is read.";

const LAYERS = [ // name, how many maps stand in a row, rows and columns of a map, what they are
  ["field", 1, 32, 32, "input", "the drawing in a field of 32 x 32"],
  ["c1", 6, 28, 28, "C1", "6 maps of 28 x 28, a 5 x 5 convolution"],
  ["s2", 6, 14, 14, "S2", "6 maps of 14 x 14, each 2 x 2 square summed"],
  ["c3", 8, 10, 10, "C3", "16 maps of 10 x 10, joined by Table I"],
  ["s4", 8, 5, 5, "S4", "16 maps of 5 x 5"],
  ["c5", 40, 1, 1, "C5", "120 units"],
];

function figure(name, title, words) {
  return `<figure class="layer ${name}"><canvas role="img" aria-label="${title}: ${words}"></canvas>
    <figcaption><b>${title}</b> ${words}</figcaption></figure>`;
}

const DIGITS = [...Array(10).keys()];
const row = (name, cell) => `<tr class="${name}"><th scope="row">${name}</th>${DIGITS.map(cell).join("")}</tr>`;
const CLASSES = `<table class="classes"><caption>The ten codes, and how far F6 is from each: the penalty. The smallest is the answer.</caption>
  <thead>${row("digit", (digit) => `<th scope="col">${digit}</th>`)}</thead>
  <tbody>${row("code", (digit) => `<td><canvas role="img" aria-label="the code of ${digit}, a bitmap of it"></canvas></td>`)}
  ${row("penalty", () => "<td></td>")}${row("bar", () => '<td aria-hidden="true"><i></i></td>')}</tbody></table>`;

async function start(page) {
  const pad = page.querySelector(".pad");
  pad.querySelector(".answer").innerHTML = `<p class="verdict">${EMPTY}</p><p class="remark">${EMPTY_REMARK}</p>
    <p class="spoken" role="status"></p>
    <div class="decision">${figure("f6", "F6", "84 units, a bitmap of 7 x 12")}${CLASSES}</div>`;
  page.querySelector(".layers").innerHTML = LAYERS.map(([name, , , , title, words]) => figure(name, title, words)).join("");
  const find = (selector) => page.querySelector(selector);
  let weights = null;

  const show = () => {
    const began = performance.now();
    const digit = fitBox(sheet.ink(SIDE), SIDE);
    const reading = read(weights, digit ?? BLANK);
    for (const [name, across, rows, columns] of LAYERS) {
      const maps = name === "field" ? [reading.field] : name === "c5" ? [...reading.c5].map((unit) => [unit]) : reading[name];
      paint(find(`.${name} canvas`), maps, rows, columns, across, name === "field" ? field : signed());
    }
    paint(find(".f6 canvas"), [reading.f6], 12, 7, 1, signed());
    find(".verdict").textContent = digit ? reading.verdict : EMPTY;
    find(".remark").textContent = digit ? reading.remark : EMPTY_REMARK;
    const best = digit ? reading.ranking[0] : null;
    page.classList.toggle("doubtful", reading.rejected);
    const tallest = Math.max(...reading.penalties);
    for (const cell of page.querySelectorAll(".classes th[scope=col], .classes td")) {
      cell.classList.toggle("best", cell.cellIndex - 1 === best);
    }
    DIGITS.forEach((number) => {
      const penalty = reading.penalties[number];
      find(`.penalty td:nth-child(${number + 2})`).textContent = digit ? penalty.toFixed(penalty < 100 ? 1 : 0) : "";
      find(`.bar td:nth-child(${number + 2}) i`).style.height = digit ? `${(100 * penalty) / tallest}%` : "0";
    });
    if (digit) pad.dataset.milliseconds = (performance.now() - began).toFixed(1);
  };
  const say = () => {
    show();
    find(".spoken").textContent = `${find(".verdict").textContent} ${find(".remark").textContent}`;
  };
  const sheet = layPaper(pad, {
    shelf: `lenet-page:${page.id}`, changed: () => weights && say(), moved: () => weights && show(),
  });
  offerSample(pad, sheet, "digit", () => 1);

  try {
    weights = readWeights(await fetched(page.dataset.weights));
  } catch (error) {
    find(".verdict").textContent = "The network's weights did not arrive.";
    find(".remark").textContent = `${error.message}. Your drawing is kept: reload the page to try again.`;
    return;
  }
  DIGITS.forEach((digit) => {
    const bits = weights["rbf.codes"].subarray(84 * digit, 84 * digit + 84);
    paint(find(`.code td:nth-child(${digit + 2}) canvas`), [bits], 12, 7, 1, signed(1));
  });
  if (sheet.isUsed()) say(); else show();
}

for (const page of document.querySelectorAll(".network")) start(page);
