// What eta, mu and h do on a bowl of two parameters (Eq. 21): the upper half of lenet_helpers.widgets.curvature_lab.

import { livePicture, slider } from "./front.js";
import { INK, PALETTE, Svg, curve, dot, general, line, mark, paragraph, roundNumbers, text } from "./svg.js";

const SIZE = 300, REACH = 1.2, SHOWN = 60;

// The path of gradient descent on E = 1/2 sum h w^2: each step multiplies w by 1 - rate h.
export function descent(start, curvature, rates, steps) {
  const shrink = rates.map((rate, at) => 1 - rate * curvature[at]);
  return Array.from({ length: steps + 1 }, (_, step) => start.map((w, at) => w * shrink[at] ** step));
}

export function drawBowl({ eta, mu, curvature, rate, start, steps }) {
  const rates = curvature.map((h) => eta / (mu + h)), x = SIZE + 44;
  const picture = new Svg(SIZE + 380, SIZE + 24, ""), told = [], bowl = [...contours(curvature)];
  picture.add(text(x, 16, `after ${steps.toLocaleString("en")} steps`, { size: 14, weight: "bold" }));
  [["SDLM", rates, PALETTE.orange], ["gradient descent", [rate, rate], PALETTE.blue]].forEach(([name, own, colour], at) => {
    const path = descent(start, curvature, own, steps);
    told.push(`${name}: ${ending(path, curvature)}`);
    bowl.push(...drawnPath(path, colour));
    picture.add(line(x, 40 + 44 * at, x + 22, 40 + 44 * at, colour, 3));
    picture.add(text(x + 30, 44 + 44 * at, name, { size: 13, weight: "bold" }));
    picture.add(text(x + 30, 61 + 44 * at, ending(path, curvature)));
  });
  picture.add(mark("svg", { x: 0, y: 0, width: SIZE, height: SIZE }, bowl.join("")));
  picture.add(dot(at(start[0]), at(-start[1]), 6, PALETTE.red, { stroke: "#fff", stroke_width: 2 }));
  picture.add(text(SIZE / 2, SIZE + 18, "w₁", { anchor: "middle" }), text(SIZE + 8, SIZE / 2 + 4, "w₂"));
  const steepest = Math.max(...curvature), flattest = Math.min(...curvature), limit = 2 / steepest;
  [
    `SDLM's rates are η/(μ+h₁) = ${general(rates[0], 3)} and η/(μ+h₂) = ${general(rates[1], 3)}; plain gradient descent `
      + `has ${general(rate, 3)} for both.`,
    `One rate must stay below 2/h = ${general(limit, 3)} or the steep way diverges; just below it, the flat way still `
      + `needs ${Math.round(4.6 / Math.min(limit * flattest, 4.6)).toLocaleString("en")} steps to come to a hundredth.`,
    "This bowl has no noise. With one pattern an update every step is noisy, and η a thousand times smaller.",
  ].forEach((words, number) => picture.add(...paragraph(x, 130 + 62 * number, words, 330)));
  picture.alt = `A bowl with curvature ${general(curvature[0], 3)} across and ${general(curvature[1], 3)} up, ${steps} `
    + `steps. ${told.join("; ")}.`;
  const chosen = [Math.round((1 - start[1] / REACH) * 12), Math.round((1 + start[0] / REACH) * 12)];
  return picture.touch("bowl", 0, 0, SIZE, SIZE, [25, 25], chosen, "Bowl: arrow keys move the start");
}

const at = (w) => (SIZE * (1 + w / REACH)) / 2;

function ending(path, curvature) {
  const height = (place) => place.reduce((sum, w, direction) => sum + 0.5 * curvature[direction] * w * w, 0);
  const [first, last] = [path[0], path.at(-1)].map(height);
  if (first === 0) return "starts at the minimum, and stays";
  return last <= first ? `E falls to ${general((100 * last) / first, 2)}% of what it was` : "diverges";
}

function* contours(curvature) {
  yield mark("rect", { width: SIZE, height: SIZE, fill: INK, fill_opacity: 0.07, rx: 4 });
  const highest = ((curvature[0] + curvature[1]) * REACH ** 2) / 2;
  for (let level = 1; level < 10; level++) {
    const [rx, ry] = curvature.map((h) => (Math.sqrt((2 * highest) / h) * level * SIZE) / (9 * REACH * 2));
    yield mark("ellipse", {
      cx: SIZE / 2, cy: SIZE / 2, rx, ry, fill: "none", stroke: INK, stroke_opacity: 0.6, class: "rule",
    });
  }
  yield line(0, SIZE / 2, SIZE, SIZE / 2, undefined, 0.6);
  yield line(SIZE / 2, 0, SIZE / 2, SIZE, undefined, 0.6);
}

function* drawnPath(path, colour) {
  const out = path.findIndex((place) => place.some((w) => !(Math.abs(w) <= REACH)));
  const until = out < 0 ? path.length : out + 1; // the first point outside shows the way out
  const chosen = until <= SHOWN ? path.slice(0, until) : Array.from({ length: SHOWN }, (_, step) =>
    path[Math.round((step * (until - 1)) / (SHOWN - 1))]);
  const points = chosen.map(([x, y]) => [at(x), at(-y)]);
  yield curve(points, colour, 2.2);
  for (const [x, y] of points.slice(1)) yield dot(x, y, 2.4, colour);
}

export function start(el) {
  let from = [-1, 0.9];
  const controls = el.appendChild(document.createElement("div"));
  controls.className = "controls";
  const scale = (name, low, high, first) => {
    const values = roundNumbers(low, high);
    const chosen = slider(controls, name, values, values.indexOf(first), () => show());
    return () => values[chosen.get("index")];
  };
  const eta = scale("η", 1e-3, 1, 0.3), mu = scale("μ", 1e-4, 10, 0.02);
  const h1 = scale("h₁", 1e-3, 20, 5), h2 = scale("h₂", 1e-3, 20, 0.05);
  const rate = scale("Plain rate", 1e-3, 10, 0.3), steps = scale("Steps", 1, 10_000, 20);
  const show = () => view.show(drawBowl({
    eta: eta(), mu: mu(), curvature: [h1(), h2()], rate: rate(), start: from, steps: Math.trunc(steps()),
  }));
  const view = livePicture(el, ({ row, column }) => {
    from = [REACH * (column / 12 - 1), REACH * (1 - row / 12)];
    show();
  });
  el.insertAdjacentHTML("beforeend", "<p>The rates of a whole network need its curvature, and so a kernel; they are in "
    + "the still picture.</p>");
  show();
}
