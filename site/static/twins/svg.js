// Pictures as text: the marks of lenet_helpers.widgets.svg, one for one. A grid is { values, rows, columns }.

import { field as fieldColour, paint, signed } from "../colours.js";

export const INK = "#787878";
export const PALETTE = {
  blue: "#3f80d8", orange: "#cf6f10", green: "#2f935f", red: "#d9484f", purple: "#9a62cf", teal: "#168f9c",
};
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const canvas = document.createElement("canvas");

// ---- numbers in words, as Python writes them

// With `digits` decimals, and no minus before zero.
export function fixed(value, digits = 2) {
  const words = value.toFixed(digits);
  return /[1-9]/.test(words) ? words : words.replace("-", "");
}

export const withSign = (value) => (fixed(value)[0] === "-" ? "" : "+") + fixed(value);

// With `digits` significant digits, and no zeros at the end.
export function general(value, digits = 6) {
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  if (power >= -4 && power < digits) return String(Number(`${mantissa}e${power}`));
  return `${Number(mantissa)}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}

// 1, 1.5, 2, 3, 5 and 7 times the powers of ten, from `low` to `high`.
export function roundNumbers(low, high) {
  const powers = Array.from({ length: 12 }, (_, at) => at - 6);
  const numbers = powers.flatMap((power) => [1, 1.5, 2, 3, 5, 7].map((digit) => Number(`${digit}e${power}`)));
  return numbers.filter((number) => low <= number && number <= high);
}

// ---- marks

const SIGNS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (words) => String(words).replace(/[&<>"]/g, (sign) => SIGNS[sign]);
const spelled = (value) => (typeof value === "number" ? String(Number(value.toFixed(2))) : escaped(value));

// One element; stroke_width: 2 becomes the attribute stroke-width, undefined none.
export function mark(name, attributes, content = "") {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const words = given.map(([key, value]) => ` ${key.replaceAll("_", "-")}="${spelled(value)}"`);
  return `<${name}${words.join("")}>${content}</${name}>`;
}

export function text(x, y, words, { size = 12, anchor = "start", colour, weight = "normal" } = {}) {
  const paintOf = colour ? { fill: colour } : { fill: INK, class: "text" };
  return mark("text", { x, y, font_size: size, text_anchor: anchor, font_weight: weight, ...paintOf }, escaped(words));
}

export function paragraph(x, y, words, width, size = 12) {
  const most = Math.trunc(width / (0.58 * size)), lines = [""];
  for (const word of words.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (longer.length > most) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((line, at) => text(x, y + at * Math.round(1.5 * size), line, { size }));
}

const stroked = (colour) => (colour ? { stroke: colour } : { stroke: INK, class: "rule" });

export function line(x1, y1, x2, y2, colour, width = 1) {
  return mark("line", { x1, y1, x2, y2, stroke_width: width, ...stroked(colour) });
}

export function bar(x, y, width, height, colour, more = {}) {
  const paintOf = colour ? { fill: colour } : { fill: INK, fill_opacity: 0.5, class: "fill" };
  return mark("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), ...paintOf, ...more });
}

export function frame(x, y, width, height, colour = PALETTE.green, stroke = 2) {
  return mark("rect", { x, y, width, height, fill: "none", stroke: colour, stroke_width: stroke });
}

export const dot = (x, y, radius, colour, more = {}) => mark("circle", { cx: x, cy: y, r: radius, fill: colour, ...more });

export function curve(points, colour, width = 2, more = {}) {
  const places = points.map(([x, y]) => `${spelled(x)},${spelled(y)}`).join(" ");
  return mark("polyline", {
    points: places, fill: "none", stroke_width: width, stroke_linejoin: "round", ...stroked(colour), ...more,
  });
}

// ---- maps of values

export const grid = (values, rows, columns) => ({ values, rows, columns });

export function cut({ values, columns }, top, left, rows, wide) {
  const inside = Array.from({ length: rows * wide }, (_, at) =>
    values[(top + Math.floor(at / wide)) * columns + left + (at % wide)]);
  return grid(inside, rows, wide);
}

export const strongest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

export function tile({ values, rows, columns }, x, y, pixel, colourOf = signed()) {
  paint(canvas, [values], rows, columns, 1, colourOf);
  return mark("image", {
    x, y, width: columns * pixel, height: rows * pixel, preserveAspectRatio: "none", style: "image-rendering:pixelated",
    href: canvas.toDataURL(),
  });
}

export const field = (values, x, y, pixel) => tile(values, x, y, pixel, fieldColour);

// ---- the picture

export class Svg {
  constructor(width, height, alt) {
    Object.assign(this, { width, height, alt, marks: [], grids: [] });
  }

  add(...marks) {
    this.marks.push(...marks);
    return this;
  }

  place(other, x, y) {
    return this.add(mark("g", { transform: `translate(${x} ${y})` }, other.marks.join("")));
  }

  touch(key, x, y, width, height, [rows, columns], chosen, label, group = "") {
    const [row, column] = chosen ?? [0, 0];
    this.grids.push(mark("rect", {
      x, y, width, height, fill: "transparent", class: "touch", role: "button", data_key: key, data_rows: rows,
      data_columns: columns, data_row: row, data_column: column, data_group: group || key,
      tabindex: chosen || !group ? 0 : -1, aria_label: label,
    }));
    return this;
  }

  markup() {
    return mark("svg", {
      xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${this.width} ${this.height}`, width: this.width,
      height: this.height, role: "group", aria_label: this.alt, font_family: FONT, style: "max-width:100%;height:auto",
    }, this.marks.join("") + this.grids.join(""));
  }
}
