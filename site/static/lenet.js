// LeNet-5 (Section II-B and Fig. 2) in the browser: the weights from a safetensors file, and fprop of every layer.
// The same network as lenet_helpers.LeNet5, one field at a time; maps are Float32Arrays, row by row.

const AMPLITUDE = 1.7159, STEEPNESS = 2 / 3; // Eq. 6
const BACKGROUND = -0.1, FOREGROUND = 1.175; // input values of pixel 0 and pixel 255
const SIZE = 28, FIELD = 32, KERNEL = 5;

export const FED_BY = [ // Table I: for each map of C3, the maps of S2 that feed it
  [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
  [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
  [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5],
];
const all = (outputs, inputs) => Array(outputs).fill([...Array(inputs).keys()]);

const SHAPES = {
  "c1.weight": [6, 1, 5, 5], "c1.bias": [6], "s2.coefficient": [6], "s2.bias": [6],
  "c3.weight": [60, 5, 5], "c3.bias": [16], "s4.coefficient": [16], "s4.bias": [16],
  "c5.weight": [120, 16, 5, 5], "c5.bias": [120], "f6.weight": [84, 120], "f6.bias": [84],
};

// The tensors of a safetensors file by name, Float32Arrays, and `facts`, how they were made. Throws an Error where the
// file is of another network, or of other classes: ten digits, or eleven with the blank of strings.
export function readWeights(buffer, classes = 10) {
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const weights = { facts: JSON.parse(header.__metadata__?.facts ?? "{}") };
  for (const [name, shape] of Object.entries({ ...SHAPES, "rbf.codes": [classes, 84] })) {
    const { dtype, shape: found, data_offsets: [start, end] } = header[name] ?? { data_offsets: [] };
    if (dtype !== "F32" || String(found) !== String(shape)) {
      throw new Error(`${name} is ${dtype ?? "missing"} [${found ?? ""}]; expected F32 [${shape}]: weights of LeNet-5.`);
    }
    weights[name] = new Float32Array(buffer.slice(8 + length + start, 8 + length + end));
  }
  return weights;
}

// Pixels, 0 to 255, as input values (Section II-B).
export const toField = (pixels) => Float32Array.from(pixels, (pixel) => BACKGROUND + ((FOREGROUND - BACKGROUND) * pixel) / 255);

// The 32 x 32 field around a digit of 28 x 28 pixels.
export function toInput(digit) {
  const field = new Uint8Array(FIELD * FIELD);
  const edge = (FIELD - SIZE) / 2;
  for (let row = 0; row < SIZE; row++) field.set(digit.subarray(row * SIZE, (row + 1) * SIZE), (row + edge) * FIELD + edge);
  return toField(field);
}

export const squash = (map) => map.map((a) => AMPLITUDE * Math.tanh(STEEPNESS * a)); // Eq. 6

// C1, C3 and C5: each map adds up one kernel for each input map that feeds it, and a bias. The kernels are stored in
// the order in which they are used. side: columns of a map; it may have more of them than rows.
export function convolution(maps, side, fedBy, weight, bias) {
  const size = side - KERNEL + 1, rows = maps[0].length / side - KERNEL + 1;
  let kernel = 0;
  return fedBy.map((sources, out) => {
    const map = new Float32Array(rows * size).fill(bias[out]);
    for (const source of sources) {
      const x = maps[source];
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < size; column++) {
          let sum = 0;
          for (let i = 0, w = kernel, f = row * side + column; i < KERNEL; i++, w += KERNEL, f += side) {
            sum += weight[w] * x[f] + weight[w + 1] * x[f + 1] + weight[w + 2] * x[f + 2] + weight[w + 3] * x[f + 3]
              + weight[w + 4] * x[f + 4];
          }
          map[row * size + column] += sum;
        }
      }
      kernel += KERNEL * KERNEL;
    }
    return map;
  });
}

// S2 and S4: the sum of each 2 x 2 square, times the map's coefficient, plus its bias.
function subsampling(maps, side, coefficient, bias) {
  const size = side / 2;
  return maps.map((x, map) => new Float32Array(x.length / 4).map((_, at) => {
    const corner = 2 * Math.floor(at / size) * side + 2 * (at % size);
    const sum = x[corner] + x[corner + 1] + x[corner + side] + x[corner + side + 1];
    return coefficient[map] * sum + bias[map];
  }));
}

// F6: every unit connected to every input.
function fullConnection(x, weight, bias) {
  return bias.map((start, unit) => {
    let sum = start;
    for (let at = 0, w = unit * x.length; at < x.length; at++, w++) sum += weight[w] * x[at];
    return sum;
  });
}

// The output layer (Eq. 7): the squared distance from each class's code, times `scale`.
function rbf(x, codes, scale) {
  return Float32Array.from({ length: codes.length / x.length }, (_, digit) =>
    scale * x.reduce((sum, state, at) => sum + (state - codes[digit * x.length + at]) ** 2, 0));
}

// The squashed states of the layers that are maps, for a field of 32 rows.
function maps(w, field) {
  const columns = field.length / FIELD;
  const c1 = convolution([field], columns, all(6, 1), w["c1.weight"], w["c1.bias"]).map(squash);
  const s2 = subsampling(c1, columns - 4, w["s2.coefficient"], w["s2.bias"]).map(squash);
  const c3 = convolution(s2, (columns - 4) / 2, FED_BY, w["c3.weight"], w["c3.bias"]).map(squash);
  const s4 = subsampling(c3, (columns - 12) / 2, w["s4.coefficient"], w["s4.bias"]).map(squash);
  const c5 = convolution(s4, (columns - 12) / 4, all(120, 16), w["c5.weight"], w["c5.bias"]).map(squash);
  return { c1, s2, c3, s4, c5 };
}

// F6 and the penalties above one row of C5's units.
function decision(w, c5) {
  const f6 = squash(fullConnection(c5, w["f6.weight"], w["f6.bias"]));
  return { c5, f6, penalties: rbf(f6, w["rbf.codes"], w.facts.rbf_scale) };
}

// Every layer's squashed state for one field of 32 x 32: c1, s2, c3 and s4 as lists of maps, c5 and f6 as one row of
// units, and the penalties, of which the smallest is the answer.
export function states(weights, field) {
  const { c5, ...below } = maps(weights, field);
  return { field, ...below, ...decision(weights, Float32Array.from(c5, ([unit]) => unit)) };
}

// The penalties of the classes at every window of a field of 32 rows, one window every 4 columns (Section VII).
export function penaltyMap(weights, field) {
  const { c5 } = maps(weights, field);
  return Array.from(c5[0], (_, window) => decision(weights, Float32Array.from(c5, (map) => map[window])).penalties);
}
