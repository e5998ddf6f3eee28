// Fig. 2 with a digit in it: lenet_helpers.widgets.architecture.

import { signed } from "../colours.js";
import { states, toInput } from "../lenet.js";
import { named } from "../reading.js";
import { digitChooser, livePicture, weightsOf } from "./front.js";
import { PALETTE, Svg, INK, bar, field, fixed, frame, grid, line, text, tile } from "./svg.js";
import { stateMaps } from "./units.js";

const STACKS = { // left edge, pixels a unit, steps right and down from one map to the next, what it is
  input: [0, 4, 0, 0, "32×32 pixels"], c1: [156, 2.6, 16, 33, "6 maps of 28×28"],
  s2: [342, 3.4, 15, 37, "6 maps of 14×14"], c3: [498, 4.4, 9.2, 13.5, "16 maps of 10×10"],
  s4: [712, 5.6, 7.4, 14.5, "16 maps of 5×5"], c5: [884, 8, 0, 0, "120 units"], f6: [1008, 9, 0, 0, "84 units"],
};
const WINDOWS = [ // layer, first row and column, size, the layer above and its unit
  ["input", 13, 15, 5, "c1", [13, 15]], ["c1", 12, 14, 2, "s2", [6, 7]],
  ["s2", 4, 5, 5, "c3", [4, 5]], ["c3", 4, 4, 2, "s4", [2, 2]],
];
const MIDDLE = 170, ANSWERS = 1138, ROW = 24, WIDTH = 1276, HEIGHT = 348;

function places(layer, maps) {
  const [left, pixel, right, down] = STACKS[layer];
  const height = maps[0].rows * pixel + (maps.length - 1) * down;
  return maps.map((_, at) => [left + at * right, MIDDLE - height / 2 + at * down]);
}

export function drawArchitecture(weights, digit) {
  const reading = states(weights, toInput(digit));
  const { output: [{ values: penalties }], ...maps } = stateMaps(reading);
  maps.c5 = [grid(reading.c5, 20, 6)];
  const [answer, next] = [...penalties.keys()].sort((one, other) => penalties[one] - penalties[other]);
  const picture = new Svg(WIDTH, HEIGHT,
    "LeNet-5 from left to right: a digit in the input field, its states in C1, S2, C3, S4, C5 and F6, and the ten "
    + `penalties. The smallest is that of ${answer}, ${fixed(penalties[answer], 1)}; next comes ${next} with `
    + `${fixed(penalties[next], 1)}.`);
  for (const [layer, stack] of Object.entries(maps)) {
    const [left, pixel, , , what] = STACKS[layer];
    picture.add(text(left, 14, layer === "input" ? layer : layer.toUpperCase(), { size: 14, weight: "bold" }));
    picture.add(text(left, 31, what));
    places(layer, stack).forEach(([x, y], at) => {
      picture.add((layer === "input" ? field : tile)(stack[at], x, y, pixel));
      picture.add(frame(x, y, stack[at].columns * pixel, stack[at].rows * pixel, INK, 0.7));
    });
  }
  const corner = (layer, row, column) => {
    const [x, y] = places(layer, maps[layer]).at(-1), pixel = STACKS[layer][1];
    return [x + column * pixel, y + row * pixel];
  };
  for (const [layer, row, column, size, above, unit] of WINDOWS) {
    const [x, y] = corner(layer, row, column), side = size * STACKS[layer][1];
    const [left, top] = corner(above, ...unit), pixel = STACKS[above][1];
    for (const [right, down] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
      picture.add(line(x + right * side, y + down * side, left + right * pixel, top + down * pixel, PALETTE.green));
    }
    picture.add(frame(x, y, side, side, PALETTE.green, 1.6), frame(left, top, pixel, pixel, PALETTE.green, 1.6));
  }
  for (const [layer, above] of [["s4", "c5"], ["c5", "f6"]]) {
    const { rows, columns } = maps[layer][0];
    for (const [row, end] of [[0, 0], [rows, maps[above][0].rows]]) {
      picture.add(line(...corner(layer, row, columns), ...corner(above, end, 0), PALETTE.green));
    }
  }
  picture.add(...answers(weights, penalties, answer));
  const size = (layer) => weights[`${layer}.${layer[0] === "s" ? "coefficient" : "weight"}`].length
    + weights[`${layer}.bias`].length;
  [["c1", "convolution"], ["s2", "subsampling"], ["c3", "convolution"], ["s4", "subsampling"], ["c5", "convolution"],
    ["f6", "full connection"]].forEach(([layer, step]) => {
    picture.add(text(STACKS[layer][0], HEIGHT - 20, step));
    picture.add(text(STACKS[layer][0], HEIGHT - 4, `${size(layer).toLocaleString("en")} parameters`));
  });
  picture.add(text(ANSWERS, HEIGHT - 20, `${weights.facts.rbf_scale} × distance²`));
  return picture.add(text(ANSWERS, HEIGHT - 4, "fixed codes"));
}

function* answers(weights, penalties, answer) {
  const top = MIDDLE - 5 * ROW, most = Math.max(...penalties);
  yield text(ANSWERS, 14, "output", { size: 14, weight: "bold" });
  yield text(ANSWERS, 31, `10 penalties: ${named(answer)}`);
  for (const [digit, value] of penalties.entries()) {
    const y = top + digit * ROW, best = digit === answer;
    if (best) yield bar(ANSWERS - 4, y, WIDTH - ANSWERS, ROW, PALETTE.green, { fill_opacity: 0.2, rx: 3 });
    yield tile(grid(weights["rbf.codes"].subarray(84 * digit, 84 * digit + 84), 12, 7), ANSWERS, y + 2, 1.6, signed(1));
    yield text(ANSWERS + 18, y + 16, digit, { size: 14, weight: best ? "bold" : "normal" });
    const long = Math.max(3, (66 * value) / most);
    yield bar(ANSWERS + 32, y + 4, long, ROW - 8, best ? PALETTE.green : undefined, { rx: 2 });
    yield text(ANSWERS + 36 + long, y + 16, fixed(value, 1), { size: 11 });
  }
}

export async function start(el) {
  const weights = await weightsOf(el);
  const controls = el.appendChild(document.createElement("div"));
  const view = livePicture(el);
  await digitChooser(controls, (digit) => view.show(drawArchitecture(weights, digit)));
}
