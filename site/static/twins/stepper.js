// Slide a kernel over the field: lenet_helpers.widgets.stepper.

import { grey, signed } from "../colours.js";
import { convolution, squash, toInput } from "../lenet.js";
import { choice, digitChooser, livePicture, slider, weightsOf } from "./front.js";
import { PALETTE, Svg, cut, field, fixed, frame, general, grid, mark, paragraph, strongest, text, tile } from "./svg.js";

const SIDE = 32, OUT = 28, PIXEL = 9, LARGEST = 1000, PLACE = 300;
const EDGE = [-1, -1, 0, 1, 1], CELLS = [...Array(25).keys()];
const KERNELS = {
  "vertical edge": CELLS.map((at) => EDGE[at % 5] / 5), "horizontal edge": CELLS.map((at) => EDGE[Math.floor(at / 5)] / 5),
  blur: CELLS.map(() => 1 / 25), "centre alone": CELLS.map((at) => Number(at === 12)),
};

export function drawStep(image, kernel, bias, place) {
  const row = Math.floor(place / OUT), column = place % OUT;
  const [values] = convolution([image], SIDE, [[0]], kernel, [bias]), sums = grid(values, OUT, OUT);
  const patch = cut(grid(image, SIDE, SIDE), row, column, 5, 5), weights = grid(kernel, 5, 5);
  const products = grid(patch.values.map((value, at) => value * kernel[at]), 5, 5);
  const total = values[place], [squashed] = squash([total]);
  const told = `Row ${row}, column ${column}: the 25 products add up to ${fixed(total - bias)}; with the bias `
    + `${fixed(bias)} that is ${fixed(total)}, and squashed ${fixed(squashed)}.`;
  const picture = new Svg(640, 572, `A 5 by 5 kernel on a 32 by 32 field, and the 28 by 28 map it makes. ${told}`);
  const x = 350, scale = signed(Math.max(strongest(values), 1e-6));
  picture.add(text(0, 12, "field, 32×32"), field(grid(image, SIDE, SIDE), 0, 22, PIXEL));
  picture.add(frame(column * PIXEL, 22 + row * PIXEL, 5 * PIXEL, 5 * PIXEL, PALETTE.orange));
  picture.add(text(x, 12, "map made so far, 28×28"), frame(x, 22, OUT * PIXEL, OUT * PIXEL, PALETTE.teal, 1));
  if (row) picture.add(tile(cut(sums, 0, 0, row, OUT), x, 22, PIXEL, scale));
  picture.add(tile(cut(sums, row, 0, 1, column + 1), x, 22 + row * PIXEL, PIXEL, scale));
  picture.add(frame(x + column * PIXEL - 1, 21 + row * PIXEL, PIXEL + 2, PIXEL + 2, PALETTE.orange));
  picture.add(...paragraph(0, 336, told, 640, 13));
  [["field under the kernel", patch, 1.175], ["kernel", weights, strongest(kernel)],
    ["products", products, strongest(products.values)]].forEach(([title, numbers, limit], at) => {
    const left = at * 218;
    picture.add(text(left, 388, title), ...written(numbers, left, 398, 33, Math.max(limit, 1e-6)));
    if (at) picture.add(text(left - 27, 488, at === 1 ? "×" : "=", { size: 22, anchor: "middle" }));
  });
  picture.touch("field", 0, 22, SIDE * PIXEL, SIDE * PIXEL, [SIDE, SIDE], [row + 2, column + 2],
    "Field: arrow keys slide the kernel");
  return picture.touch("map", x, 22, OUT * PIXEL, OUT * PIXEL, [OUT, OUT], [row, column],
    "Map: arrow keys choose a unit");
}

function* written(numbers, x, y, cell, limit) {
  yield tile(numbers, x, y, cell, signed(limit));
  for (const [at, value] of numbers.values.entries()) {
    const colour = Math.abs(value) > 0.55 * limit ? "#fff" : "#222";
    const left = x + ((at % 5) + 0.5) * cell, top = y + (Math.floor(at / 5) + 0.62) * cell;
    yield text(left, top, fixed(value), { size: 11, anchor: "middle", colour });
  }
}

export function kernelTable(kernel) {
  const cell = (value, at) => {
    const row = Math.floor(at / 5), column = at % 5;
    return mark("td", {}, `<input type="number" step="any" value="${general(value, 3)}" data-key="${row} ${column}" `
      + `data-row="${row}" data-column="${column}" aria-label="kernel, row ${row}, column ${column}">`);
  };
  const rows = EDGE.map((_, row) => mark("tr", {}, kernel.slice(5 * row, 5 * row + 5).map((value, column) =>
    cell(value, 5 * row + column)).join("")));
  return mark("table", { class: "kernel" }, mark("caption", {}, "The kernel: type to change it") + rows.join(""));
}

// The kernels to choose from, [name, { kernel, bias }]; with the network's weights its six of C1 too.
function kernels(weights) {
  const named = Object.entries(KERNELS).map(([name, kernel]) => [name, { kernel, bias: 0 }]);
  const trained = [...(weights?.["c1.bias"] ?? [])].map((bias, map) =>
    [`C1, map ${map}`, { kernel: [...weights["c1.weight"].subarray(25 * map, 25 * map + 25)], bias }]);
  return [...named, ...trained];
}

export async function start(el) {
  const options = kernels(el.dataset.weights ? await weightsOf(el) : null);
  const first = options.find(([name]) => name === (el.dataset.kernel ?? "vertical edge"))[1];
  let image = null, { kernel, bias } = first;
  const digits = el.appendChild(document.createElement("div"));
  const controls = el.appendChild(document.createElement("div"));
  const both = el.appendChild(document.createElement("div"));
  controls.className = "controls";
  both.className = "beside";
  const show = () => view.show(drawStep(image, kernel, bias, place.get("index")));
  choice(controls, "Kernel", options, first, (chosen) => {
    ({ kernel, bias } = chosen);
    editor.showMarkup(kernelTable(kernel));
    show();
  });
  const place = slider(controls, "Place", [...Array(OUT * OUT).keys()], PLACE, () => show(), true);
  const view = livePicture(both, (touched) => {
    const inset = touched.key === "field" ? 2 : 0; // on the field a reader points at the window's middle
    const [row, column] = [touched.row, touched.column].map((at) => Math.min(Math.max(at - inset, 0), OUT - 1));
    place.set("index", row * OUT + column);
    show();
  });
  const editor = livePicture(both, ({ row, column, value }) => {
    if (value.trim() === "" || !(Math.abs(Number(value)) <= LARGEST)) {
      throw new Error(`Row ${row}, column ${column} of the kernel: got '${value}', expected a number such as -0.5; `
        + "the kernel is unchanged.");
    }
    kernel = kernel.with(5 * row + column, Number(value));
    show();
  }, kernelTable(kernel));
  await digitChooser(digits, (digit) => {
    image = toInput(digit);
    show();
  });
}
