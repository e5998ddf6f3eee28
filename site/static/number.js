// A wide sheet in a page, each element of class "numbers": the number drawn on it is read as the pen lifts, and the map
// of penalties and the path read appear under the ink. The element has a name in its id, and the address of the weights
// in data-weights; they are fetched when the sheet is first used.

import { layPaper } from "./sheet.js";
import { near, paint } from "./colours.js";
import { fitLine, MARGIN } from "./string_field.js";
import { fetched } from "./fetched.js";
import { readWeights } from "./lenet.js";
import { CLASSES, readNumber } from "./number_reading.js";
import { offerSample } from "./hand.js";
import { FIELD, STEP } from "./strings.js";

const ROWS = 140, COLUMNS = 420; // of the drawing as it is read, as in the notebooks' pad
const FAR = 40; // penalty at the dark end of the map
const EMPTY = "Draw a number.";
const EMPTY_REMARK = "All its digits, side by side in one line: it is read as a whole, without being cut up.";
const UNDER = "the map of penalties, a column for each window, a row for each class";

const MAP = `<div class="map" role="img"><div class="digits"></div>
  <div class="names">${CLASSES.map((name) => `<span>${name}</span>`).join("")}</div>
  <div class="cells"><canvas></canvas><svg preserveAspectRatio="none"><polyline></polyline></svg></div>
  <p class="legend">penalty: 0 <i></i> ${FAR} and more; the blue line is the path read</p></div>`;
const ANSWER = `<p class="verdict">${EMPTY}</p><p class="remark">${EMPTY_REMARK}</p><p class="spoken" role="status"></p>`;

function start(page) {
  const pad = page.querySelector(".pad"), find = (selector) => page.querySelector(selector);
  find(".answer").innerHTML = ANSWER;
  let weights = null;

  const say = (verdict, remark) => {
    find(".verdict").textContent = verdict;
    find(".remark").textContent = remark;
    find(".spoken").textContent = `${verdict} ${remark}`;
  };
  // The picture under the sheet; place(column) is where a column of the field lies, in percent of the sheet's width.
  const draw = (number, place) => {
    const frame = find(".cells"), digits = find(".map .digits");
    page.classList.toggle("doubtful", number?.rejected ?? false);
    frame.classList.toggle("empty", !number);
    digits.replaceChildren();
    find(".map").ariaLabel = number
      ? `${number.verdict} ${number.remark} Under the sheet ${UNDER}; the path read: ${number.told}.`
      : `Under the sheet, still empty: ${UNDER}.`;
    if (!number) return;
    const cells = CLASSES.flatMap((_, kind) => number.map.map((penalties) => penalties[kind]));
    paint(find(".cells canvas"), [cells], CLASSES.length, number.map.length, 1, near(FAR));
    const width = place(STEP) - place(0), share = width * number.map.length;
    const left = Math.min(place(FIELD / 2) - width / 2, 100 - share); // a 1 at the edge: its window's middle lies beyond
    for (const part of frame.children) Object.assign(part.style, { left: `${left}%`, width: `${share}%` });
    find(".cells svg").setAttribute("viewBox", `0 0 ${number.map.length} ${CLASSES.length}`);
    find(".cells polyline").setAttribute("points", number.path.map((kind, at) => `${at + 0.5},${kind + 0.5}`).join(" "));
    [...number.text].forEach((digit, at) => {
      const written = digits.appendChild(document.createElement("b"));
      written.textContent = digit;
      written.style.left = `clamp(0.3em, ${place(number.places[at])}%, 100% - 0.3em)`;
    });
    digits.style.fontSize = `${Math.min(30, Math.max(12, 5 * 7.2 * width))}px`;
  };
  const show = () => {
    const began = performance.now();
    const field = fitLine(sheet.ink(ROWS, COLUMNS), ROWS, COLUMNS);
    if (field?.pixels) {
      const number = readNumber(weights, field);
      draw(number, (column) => (100 / COLUMNS) * (field.left + (column - MARGIN) / field.scale));
      say(number.verdict, number.remark);
    } else {
      draw(null);
      say(...(field ? ["I'd reject this: it is no line of digits.", `Seen: ${field.refusal}`] : [EMPTY, EMPTY_REMARK]));
    }
    pad.dataset.milliseconds = (performance.now() - began).toFixed(1);
  };
  const read = async () => {
    if (!weights) {
      find(".remark").textContent = "Fetching the network that reads numbers ...";
      try {
        weights = readWeights(await fetched(page.dataset.weights), CLASSES.length);
      } catch (error) {
        say("The network's weights did not arrive.", `${error.message}. Your drawing is kept: draw on to try again.`);
        return;
      }
    }
    show();
  };

  const sheet = layPaper(pad, { shelf: `lenet-page:${page.id}`, changed: read, thing: "number" });
  sheet.canvas.insertAdjacentHTML("afterend", MAP);
  offerSample(pad, sheet, "number", () => 3 + Math.floor(3 * Math.random()));
  pad.addEventListener("focusin", () => fetched(page.dataset.weights).catch(() => {}), { once: true }); // `read` says what went wrong
  draw(null);
  if (sheet.isUsed()) read();
}

for (const page of document.querySelectorAll(".numbers")) start(page);
