// LeNet-5 (Section II-B and Fig. 2) in the browser: the weights from a safetensors file, and fprop of every layer.
// The same network as lenet_helpers.LeNet5, one pattern at a time; maps are Float32Arrays, row by row.

const AMPLITUDE = 1.7159, STEEPNESS = 2 / 3; // Eq. 6
const BACKGROUND = -0.1, FOREGROUND = 1.175; // input values of pixel 0 and pixel 255
const SIZE = 28, FIELD = 32, KERNEL = 5;

const FED_BY = [ // Table I: for each map of C3, the maps of S2 that feed it
  [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
  [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
  [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5],
];
const all = (outputs, inputs) => Array(outputs).fill([...Array(inputs).keys()]);

const SHAPES = {
  "c1.weight": [6, 1, 5, 5], "c1.bias": [6], "s2.coefficient": [6], "s2.bias": [6],
  "c3.weight": [60, 5, 5], "c3.bias": [16], "s4.coefficient": [16], "s4.bias": [16],
  "c5.weight": [120, 16, 5, 5], "c5.bias": [120], "f6.weight": [84, 120], "f6.bias": [84], "rbf.codes": [10, 84],
};

// The tensors of a safetensors file by name, Float32Arrays, and `facts`, how they were made. Throws an Error where the
// file is of another network.
export function readWeights(buffer) {
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const weights = { facts: JSON.parse(header.__metadata__?.facts ?? "{}") };
  for (const [name, shape] of Object.entries(SHAPES)) {
    const { dtype, shape: found, data_offsets: [start, end] } = header[name] ?? { data_offsets: [] };
    if (dtype !== "F32" || String(found) !== String(shape)) {
      throw new Error(`${name} is ${dtype ?? "missing"} [${found ?? ""}]; expected F32 [${shape}]: weights of LeNet-5.`);
    }
    weights[name] = new Float32Array(buffer.slice(8 + length + start, 8 + length + end));
  }
  return weights;
}

// The 32 x 32 field around a digit of 28 x 28 pixels, 0 to 255 (Section II-B).
export function toInput(digit) {
  const field = new Float32Array(FIELD * FIELD).fill(BACKGROUND);
  const edge = (FIELD - SIZE) / 2;
  digit.forEach((pixel, at) => {
    const row = Math.floor(at / SIZE) + edge, column = (at % SIZE) + edge;
    field[row * FIELD + column] = BACKGROUND + ((FOREGROUND - BACKGROUND) * pixel) / 255;
  });
  return field;
}

const squash = (map) => map.map((a) => AMPLITUDE * Math.tanh(STEEPNESS * a)); // Eq. 6

// C1, C3 and C5: each map adds up one kernel for each input map that feeds it, and a bias. The kernels are stored in
// the order in which they are used.
function convolution(maps, side, fedBy, weight, bias) {
  const size = side - KERNEL + 1;
  let kernel = 0;
  return fedBy.map((sources, out) => {
    const map = new Float32Array(size * size).fill(bias[out]);
    for (const source of sources) {
      const x = maps[source];
      for (let row = 0; row < size; row++) {
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
  return maps.map((x, map) => new Float32Array(size * size).map((_, at) => {
    const corner = 2 * Math.floor(at / size) * side + 2 * (at % size);
    const sum = x[corner] + x[corner + 1] + x[corner + side] + x[corner + side + 1];
    return coefficient[map] * sum + bias[map];
  }));
}

// F6: every unit connected to every input.
function fullConnection(x, weight, bias) {
  return bias.map((start, unit) => x.reduce((sum, state, at) => sum + weight[unit * x.length + at] * state, start));
}

// The output layer (Eq. 7): the squared distance from each class's code, times `scale`.
function rbf(x, codes, scale) {
  return Float32Array.from({ length: codes.length / x.length }, (_, digit) =>
    scale * x.reduce((sum, state, at) => sum + (state - codes[digit * x.length + at]) ** 2, 0));
}

// Every layer's squashed state for one field: c1, s2, c3 and s4 as lists of maps, c5 and f6 as one row of units,
// and the ten penalties, of which the smallest is the answer.
export function states(weights, field) {
  const w = weights;
  const c1 = convolution([field], 32, all(6, 1), w["c1.weight"], w["c1.bias"]).map(squash);
  const s2 = subsampling(c1, 28, w["s2.coefficient"], w["s2.bias"]).map(squash);
  const c3 = convolution(s2, 14, FED_BY, w["c3.weight"], w["c3.bias"]).map(squash);
  const s4 = subsampling(c3, 10, w["s4.coefficient"], w["s4.bias"]).map(squash);
  const units = convolution(s4, 5, all(120, 16), w["c5.weight"], w["c5.bias"]);
  const c5 = squash(Float32Array.from(units, ([a]) => a));
  const f6 = squash(fullConnection(c5, w["f6.weight"], w["f6.bias"]));
  return { field, c1, s2, c3, s4, c5, f6, penalties: rbf(f6, w["rbf.codes"], w.facts.rbf_scale) };
}
