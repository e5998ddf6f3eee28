// Walk a digit through the network, unit by unit: lenet_helpers.widgets.explorer.

import { signed } from "../colours.js";
import { states, toInput } from "../lenet.js";
import { digitChooser, livePicture, weightsOf } from "./front.js";
import { PALETTE, Svg, bar, field, frame, strongest, text, tile, withSign } from "./svg.js";
import { LAYERS, MAPS, account, receptiveField, stateMaps } from "./units.js";

const LAYOUT = { // left edge, pixels a unit, maps side by side, title
  input: [0, 4, 1, "input 32×32"], c1: [146, 2, 2, "C1 6@28×28"], s2: [280, 3, 2, "S2 6@14×14"],
  c3: [386, 4, 4, "C3 16@10×10"], s4: [580, 6, 4, "S4 16@5×5"], c5: [734, 8, 1, "C5 120"], f6: [832, 8, 1, "F6 84"],
  output: [906, 17, 1, "penalties"],
};
const TOP = 22, SPACE = 5, PANEL = 222, WIDTH = 1000, HEIGHT = 402, OUTPUT = 92;

function corner(layer, place) {
  const [left, pixel, across] = LAYOUT[layer], [, rows, columns] = MAPS[layer];
  return [left + (place % across) * (columns * pixel + SPACE),
    TOP + Math.floor(place / across) * (rows * pixel + SPACE)];
}

export function drawWalk(weights, reading, [layer, place, row, column]) {
  const maps = stateMaps(reading), penalties = maps.output[0].values;
  const told = account(weights, maps, layer, place, row, column);
  const answer = penalties.indexOf(Math.min(...penalties));
  const picture = new Svg(WIDTH, HEIGHT,
    `The feature maps of every layer from the input to the penalties; the answer is ${answer}. `
    + `Chosen: ${told.name}. ${told.words}`);
  for (const name of LAYERS) {
    const [left, pixel, , title] = LAYOUT[name];
    picture.add(text(left, 12, title));
    if (name === "output") picture.add(...rows(penalties, answer));
    else maps[name].forEach((map, at) => picture.add((name === "input" ? field : tile)(map, ...corner(name, at), pixel)));
  }
  for (const [name, [feeding, ...extent]] of Object.entries(receptiveField(layer, place, row, column))) {
    picture.add(...feeding.map((at) => outline(name, at, extent, PALETTE.green)));
  }
  picture.add(outline(layer, place, [row, row, column, column], PALETTE.red));
  for (const name of LAYERS) {
    const start = name === layer ? [place, row, column] : [0, 0, 0];
    maps[name].forEach((_, at) => touch(picture, name, at, maps[name].length, at === start[0] ? start.slice(1) : null));
  }
  return picture.place(drawAccount(told), 0, PANEL);
}

function* rows(penalties, answer) {
  const [left, step] = LAYOUT.output, most = Math.max(...penalties);
  for (const [digit, value] of penalties.entries()) {
    const y = TOP + digit * step, best = digit === answer, long = Math.max(3, (46 * value) / most);
    if (best) yield bar(left - 4, y, OUTPUT, step, PALETTE.green, { fill_opacity: 0.2, rx: 3 });
    yield text(left, y + 13, digit, { weight: best ? "bold" : "normal" });
    yield bar(left + 12, y + 3, long, step - 6, best ? PALETTE.green : undefined, { rx: 2 });
    yield text(left + 16 + long, y + 13, value.toFixed(0), { size: 11 });
  }
}

function outline(layer, place, [top, bottom, left, right], colour) {
  const pixel = LAYOUT[layer][1], [x, y] = corner(layer, place);
  const wide = layer === "output" ? OUTPUT : (right - left + 1) * pixel;
  return frame(x + left * pixel - 1, y + top * pixel - 1, wide + 2, (bottom - top + 1) * pixel + 2, colour, 1.6);
}

function touch(picture, layer, place, count, chosen) {
  const [, rows, columns] = MAPS[layer], [, pixel, , title] = LAYOUT[layer];
  const name = count === 1 ? title : `${layer.toUpperCase()} map ${place}`;
  const label = `${name}; arrow keys choose a unit${count === 1 ? "" : ", page keys another map"}`;
  const wide = layer === "output" ? OUTPUT : columns * pixel;
  picture.touch(`${layer} ${place}`, ...corner(layer, place), wide, rows * pixel, [rows, columns], chosen, label, layer);
}

function drawAccount({ name, words, sources }) {
  const picture = new Svg(WIDTH, HEIGHT - PANEL, "");
  picture.add(text(0, 12, name, { size: 14, weight: "bold" }), text(0, 32, words, { size: 13 }));
  if (!sources.length) return picture;
  const several = sources.length > 1, { rows, columns } = sources[0].patch;
  const pixel = Math.min(52 / Math.max(rows, columns), 14);
  const scale = signed(Math.max(...sources.map(({ weight }) => strongest(weight.values))) || 1);
  picture.add(text(0, 80, "states"), text(0, 138, name.startsWith("Output") ? "code" : "× weights"));
  picture.add(text(0, 178, several ? "sum" : ""));
  sources.forEach((source, at) => {
    const x = 66 + at * 58;
    picture.add(text(x, 48, source.name.replace(" map ", "·"), { size: 11 }));
    picture.add((source.name === "INPUT" ? field : tile)(source.patch, x, 54, pixel));
    picture.add(tile(source.weight, x, 112, pixel, scale));
    if (several) picture.add(text(x + (columns * pixel) / 2, 178, withSign(source.amount), { size: 11, anchor: "middle" }));
  });
  return picture;
}

export async function start(el) {
  const weights = await weightsOf(el);
  let reading = null, chosen = ["c3", 0, 4, 4];
  const controls = el.appendChild(document.createElement("div"));
  const show = () => view.show(drawWalk(weights, reading, chosen));
  const view = livePicture(el, ({ key, row, column }) => {
    const [layer, place] = key.split(" ");
    chosen = [layer, Number(place), row, column];
    show();
  });
  await digitChooser(controls, (digit) => {
    reading = states(weights, toInput(digit));
    show();
  });
}
