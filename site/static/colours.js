// The colours of states, of the field and of penalties, and maps painted in them.

const LIMIT = 1.7159; // the squash's bound, the ends of the colour scale
const ENDS = [[0x1f, 0x5f, 0xc0], [0xf4, 0xf4, 0xf4], [0xc8, 0x50, 0x0a]]; // -LIMIT, 0 and LIMIT
const WHITE_TO_DARK = [[0xff, 0xff, 0xff], [0xff, 0xd3, 0x5c], [0xea, 0x6a, 0x1c], [0x7d, 0x15, 0x38], [0x14, 0x0c, 0x18]];

// 256 colours as ImageData holds them, and the index of a value on the scale from low to high.
const palette = (channels) => Uint32Array.from({ length: 256 }, (_, at) => {
  const [red, green, blue] = channels(at / 255);
  return new Uint32Array(Uint8ClampedArray.of(red, green, blue, 255).buffer)[0];
});
const index = (value, low, high) => Math.round(255 * Math.min(Math.max((value - low) / (high - low), 0), 1));

const through = (colours) => palette((share) => {
  const place = share * (colours.length - 1), before = Math.min(Math.floor(place), colours.length - 2);
  return colours[before].map((start, at) => start + (colours[before + 1][at] - start) * (place - before));
});

const SIGNED = through(ENDS);
const NEAR = through(WHITE_TO_DARK);
const GREY = palette((share) => Array(3).fill(255 * share));

// What gives a value its colour: blue below zero and orange above, or black to white.
export const signed = (limit = LIMIT) => (value) => SIGNED[index(value, -limit, limit)];
export const grey = (black, white) => (value) => GREY[index(value, black, white)];
export const near = (far) => (penalty) => NEAR[index(penalty, 0, far)]; // white-hot at 0
export const field = grey(-0.1, 1.175);

// Maps of rows x columns, `across` of them in a line, a transparent pixel between.
export function paint(canvas, maps, rows, columns, across, colourOf) {
  const gap = rows > 1 ? 1 : 0;
  canvas.width = across * (columns + gap) - gap;
  canvas.height = Math.ceil(maps.length / across) * (rows + gap) - gap;
  const picture = new ImageData(canvas.width, canvas.height), pixels = new Uint32Array(picture.data.buffer);
  maps.forEach((map, number) => {
    const top = Math.floor(number / across) * (rows + gap), left = (number % across) * (columns + gap);
    for (let row = 0; row < rows; row++) {
      const to = (top + row) * picture.width + left;
      for (let column = 0; column < columns; column++) pixels[to + column] = colourOf(map[row * columns + column]);
    }
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
