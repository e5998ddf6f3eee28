// A drawing brought into MNIST's form: fitted to 20 x 20, centred by mass in 28 x 28 (III-A). To the bit what
// lenet_helpers.data.normalise.fit_box makes of it, which resizes with Pillow; so this resizes as Pillow does.

const SIZE = 28, BOX = 20;
const PRECISION = 2 ** 22; // Pillow's fixed point

// Ink on 0, side x side bytes, as 28 x 28 bytes; null where there is no ink.
export function fitBox(ink, side) {
  let crop = cropped(ink, side, side);
  if (crop === null) return null;
  const scale = BOX / Math.max(crop.rows, crop.columns);
  if (scale !== 1) {
    const [rows, columns] = [crop.rows, crop.columns].map((length) => Math.max(1, roundHalfEven(length * scale)));
    crop = brightened(resized(crop, rows, columns));
  }
  const { pixels, rows, columns } = crop;
  let mass = 0, down = 0, right = 0;
  pixels.forEach((pixel, at) => {
    mass += pixel;
    down += pixel * Math.floor(at / columns);
    right += pixel * (at % columns);
  });
  // the centres of mass of MNIST's digits lie from 13.5 to 14.5, counting pixels from 0
  const [top, left] = [[down, rows], [right, columns]].map(([moment, length]) =>
    Math.min(Math.max(Math.ceil(13.5 - moment / mass), 0), SIZE - length));
  const field = new Uint8Array(SIZE * SIZE);
  for (let row = 0; row < rows; row++) {
    field.set(pixels.subarray(row * columns, (row + 1) * columns), (top + row) * SIZE + left);
  }
  return field;
}

// The part of an image that holds its ink, and which column is its first; null where there is no ink.
export function cropped(ink, height, width) {
  let top = height, bottom = -1, left = width, right = -1;
  ink.forEach((value, at) => {
    if (!value) return;
    const row = Math.floor(at / width), column = at % width;
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    [left, right] = [Math.min(left, column), Math.max(right, column)];
  });
  if (bottom < 0) return null;
  const rows = bottom - top + 1, columns = right - left + 1;
  const pixels = new Uint8Array(rows * columns).map((_, at) =>
    ink[(top + Math.floor(at / columns)) * width + left + (at % columns)]);
  return { pixels, rows, columns, left };
}

// A thin stroke pales as it shrinks: the darkest pixel is made full ink again.
export function brightened({ pixels, rows, columns }) {
  const share = 255 / pixels.reduce((most, pixel) => Math.max(most, pixel), 0);
  return { pixels: pixels.map((pixel) => roundHalfEven(pixel * share)), rows, columns };
}

function turned({ pixels, rows, columns }) {
  const across = new Uint8Array(pixels.length).map((_, at) => pixels[(at % rows) * columns + Math.floor(at / rows)]);
  return { pixels: across, rows: columns, columns: rows };
}

// One direction after the other; which is first shows in the last bit. Pillow shrinks a picture more than twice as tall
// as it is wide in height first.
export function resized(crop, rows, columns) {
  const down = (picture) => turned(resizedRows(turned(picture), rows));
  const across = (picture) => resizedRows(picture, columns);
  return crop.rows > 2 * crop.columns && rows < crop.rows ? across(down(crop)) : down(across(crop));
}

// Each row resized to `length` pixels: bicubic, over as many pixels as shrink into one.
function resizedRows({ pixels, rows, columns }, length) {
  if (length === columns) return { pixels, rows, columns };
  const shrunk = new Uint8Array(rows * length);
  for (let column = 0; column < length; column++) {
    const { first, parts } = windowOf(column, columns / length, columns);
    for (let row = 0; row < rows; row++) {
      const from = row * columns + first;
      const sum = parts.reduce((sum, part, at) => sum + part * pixels[from + at], PRECISION / 2);
      shrunk[row * length + column] = Math.min(Math.max(Math.floor(sum / PRECISION), 0), 255);
    }
  }
  return { pixels: shrunk, rows, columns: length };
}

// Which pixels of a row one resized pixel is made of, and in which parts, in fixed point.
function windowOf(place, step, columns) {
  const spread = Math.max(step, 1), centre = (place + 0.5) * step, reach = 2 * spread;
  const first = Math.max(Math.trunc(centre - reach + 0.5), 0);
  const last = Math.min(Math.trunc(centre + reach + 0.5), columns);
  const parts = Array.from({ length: last - first }, (_, at) => bicubic((first + at - centre + 0.5) * (1 / spread)));
  const total = parts.reduce((sum, part) => sum + part, 0);
  return { first, parts: parts.map((part) => roundAway((part * (1 / total)) * PRECISION)) };
}

function bicubic(x) {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

const roundAway = (x) => Math.trunc(x < 0 ? x - 0.5 : x + 0.5);

export function roundHalfEven(x) {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
