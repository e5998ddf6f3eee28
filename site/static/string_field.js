// A line of digits brought into the field that strings are read in: digits 20 rows tall on 32 rows. To the bit what
// lenet_helpers.data.string_field.fit_line makes of it.

import { brightened, cropped, resized, roundHalfEven } from "./centring.js";

const FIELD = 32, BOX = 20, STEP = 4;
const ROOM = FIELD - 2; // rows that a crooked line may take
const LONGEST = 40, TALLEST = 2.5; // times as long and as tall as its digits are tall: more is no line
export const MARGIN = 12; // ground before the first and after the last of the ink

// Ink on 0, height x width bytes, as `pixels` of a field of 32 x `columns`; column x of the ink lies at column
// MARGIN + scale (x - left) of it. Or a `refusal`, a sentence; null where there is no ink.
export function fitLine(ink, height, width) {
  const crop = cropped(ink, height, width);
  if (crop === null) return null;
  const tall = digitHeight(crop);
  for (const [side, most, name] of [[crop.columns, LONGEST, "long"], [crop.rows, TALLEST, "tall"]]) {
    if (side > most * tall) {
      return { refusal: `this is ${roundHalfEven(side / tall)} times as ${name} as its digits are tall, expected one `
        + `number in one line, at most ${most} times as ${name}; cut it out.` };
    }
  }
  const scale = Math.min(BOX / tall, ROOM / crop.rows);
  const [rows, columns] = [crop.rows, crop.columns].map((length) => Math.max(1, roundHalfEven(length * scale)));
  const line = brightened(resized(crop, rows, columns));
  const field = { columns: Math.max(FIELD, Math.ceil((columns + 2 * MARGIN) / STEP) * STEP), left: crop.left,
    scale: columns / crop.columns };
  field.pixels = new Uint8Array(FIELD * field.columns);
  const top = Math.floor((FIELD - rows) / 2);
  for (let row = 0; row < rows; row++) {
    field.pixels.set(line.pixels.subarray(row * columns, (row + 1) * columns), (top + row) * field.columns + MARGIN);
  }
  return field;
}

// How tall the digits are: the median over the connected pieces at least half as tall as the tallest.
function digitHeight({ pixels, rows, columns }) {
  const heights = [], waiting = [], seen = new Uint8Array(pixels.length);
  for (let start = 0; start < pixels.length; start++) {
    if (!pixels[start] || seen[start]) continue;
    let top = rows, bottom = 0;
    seen[start] = 1;
    waiting.push(start);
    while (waiting.length) {
      const at = waiting.pop(), row = Math.floor(at / columns), column = at % columns;
      top = Math.min(top, row);
      bottom = Math.max(bottom, row);
      for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, rows - 1); y++) {
        for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, columns - 1); x++) {
          const next = y * columns + x;
          if (!pixels[next] || seen[next]) continue;
          seen[next] = 1;
          waiting.push(next);
        }
      }
    }
    heights.push(bottom - top + 1);
  }
  const tallest = Math.max(...heights);
  const tall = heights.filter((height) => height >= tallest / 2).sort((one, other) => one - other);
  return (tall[Math.floor((tall.length - 1) / 2)] + tall[Math.floor(tall.length / 2)]) / 2;
}
