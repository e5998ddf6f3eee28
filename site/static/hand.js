// A hand that writes digits with a pen: samples to read where no data set is at hand.

// The strokes of each digit: points on a smooth line, across and down, in parts of the digit's height.
const DIGITS = [
  [[[0.34, 0.02], [0.1, 0.2], [0.04, 0.55], [0.15, 0.9], [0.35, 0.98], [0.56, 0.8], [0.62, 0.42], [0.5, 0.1], [0.3, 0.03]]],
  [[[0.12, 0.0], [0.1, 0.5], [0.08, 1.0]]],
  [[[0.06, 0.24], [0.2, 0.04], [0.45, 0.04], [0.56, 0.24], [0.45, 0.52], [0.2, 0.8], [0.05, 0.97]],
    [[0.05, 0.97], [0.3, 0.95], [0.62, 0.97]]],
  [[[0.08, 0.1], [0.3, 0.01], [0.52, 0.14], [0.45, 0.38], [0.24, 0.46], [0.48, 0.55], [0.56, 0.8], [0.34, 0.98], [0.05, 0.9]]],
  [[[0.26, 0.02], [0.14, 0.32], [0.04, 0.6], [0.3, 0.62], [0.64, 0.59]], [[0.48, 0.14], [0.46, 0.55], [0.44, 0.98]]],
  [[[0.56, 0.03], [0.36, 0.04], [0.14, 0.04]], [[0.14, 0.04], [0.12, 0.22], [0.09, 0.44]],
    [[0.09, 0.44], [0.34, 0.4], [0.54, 0.56], [0.52, 0.82], [0.3, 0.98], [0.04, 0.92]]],
  [[[0.46, 0.01], [0.22, 0.24], [0.08, 0.56], [0.12, 0.86], [0.32, 0.98], [0.52, 0.84], [0.5, 0.62], [0.3, 0.54], [0.12, 0.68]]],
  [[[0.04, 0.06], [0.3, 0.05], [0.58, 0.03]], [[0.58, 0.03], [0.42, 0.42], [0.26, 0.98]]],
  [[[0.5, 0.14], [0.3, 0.01], [0.1, 0.14], [0.16, 0.36], [0.42, 0.56], [0.52, 0.8], [0.3, 0.98], [0.08, 0.82], [0.2, 0.58],
    [0.46, 0.36], [0.5, 0.14]]],
  [[[0.52, 0.2], [0.34, 0.02], [0.12, 0.14], [0.1, 0.38], [0.28, 0.5], [0.48, 0.36], [0.54, 0.14]],
    [[0.54, 0.14], [0.52, 0.5], [0.46, 0.98]]],
];
const BETWEEN = 8; // points of the line that is drawn for one of the above

// A point of the curve of Catmull and Rom through four points, `share` of the way from the second to the third.
const between = ([a, b, c, d], share) => [0, 1].map((axis) => {
  const [p, q, r, s] = [a, b, c, d].map((point) => point[axis]);
  return q + (share / 2) * (r - p + share * (2 * p - 5 * q + 4 * r - s + share * (3 * (q - r) + s - p)));
});

function smooth(points) {
  const ends = [points[0], ...points, points.at(-1)], line = [];
  for (let at = 0; at + 3 < ends.length; at++) {
    for (let step = 0; step < BETWEEN; step++) line.push(between(ends.slice(at, at + 4), step / BETWEEN));
  }
  return [...line, points.at(-1)];
}

// A button among the tools of a sheet: it has a sample written on it, of as many digits as `count` says.
export function offerSample(pad, sheet, thing, count) {
  pad.querySelector(".tools").insertAdjacentHTML("beforeend", `<button data-do="sample">Sample ${thing}</button>`);
  const { width, height } = sheet.canvas;
  pad.querySelector('[data-do="sample"]').addEventListener("click", () =>
    sheet.write(writeNumber(count(), width / height).strokes));
}

// A number of as many digits as `count` gets, as it would be written on a sheet one high and `width` wide: strokes, each
// a list of points. random() is from 0 to 1, as Math.random's.
export function writeNumber(count, width, random = Math.random) {
  const about = (middle, spread) => middle + spread * (2 * random() - 1);
  const text = Array.from({ length: count }, () => Math.floor(10 * random())).join("");
  const tall = about(0.56, 0.08), slant = about(0.1, 0.15), strokes = [];
  let right = 0;
  for (const digit of text) {
    const [wide, high, lower] = [about(1, 0.12), tall * about(1, 0.06), about(0, 0.02)];
    const written = DIGITS[digit].map((points) => smooth(points).map(([x, y]) =>
      [high * (wide * x - slant * (y - 0.5)), 0.5 + lower + high * (y - 0.5)]));
    const across = written.flat().map(([x]) => x), left = right + about(0.16, 0.05) - Math.min(...across);
    strokes.push(...written.map((points) => points.map(([x, y]) => [x + left, y])));
    right = left + Math.max(...across);
  }
  const first = Math.min(...strokes.flat().map(([x]) => x)), margin = (width - (right - first)) / 2 - first;
  return { text, strokes: strokes.map((points) => points.map(([x, y]) => [x + margin, y])) };
}
