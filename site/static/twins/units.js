// What feeds a unit, and how its state comes about: lenet_helpers.widgets.receptive_fields.

import { FED_BY } from "../lenet.js";
import { cut, fixed, general, grid } from "./svg.js";

export const MAPS = { // maps, rows and columns to look at: C5's 120 units as 12 x 10, F6's 84 as the 12 x 7 of the codes
  input: [1, 32, 32], c1: [6, 28, 28], s2: [6, 14, 14], c3: [16, 10, 10], s4: [16, 5, 5],
  c5: [1, 12, 10], f6: [1, 12, 7], output: [1, 10, 1],
};
export const LAYERS = Object.keys(MAPS);

// The states of one field (lenet.js) as grids: layer -> its maps.
export function stateMaps({ field, penalties, ...states }) {
  const named = { input: field, ...states, output: penalties };
  return Object.fromEntries(LAYERS.map((layer) => {
    const [maps, rows, columns] = MAPS[layer];
    return [layer, (maps > 1 ? named[layer] : [named[layer]]).map((values) => grid(values, rows, columns))];
  }));
}

// What feeds one unit directly: the layer below, its maps, first and last row, first and last column.
export function fedBy(layer, place, row, column) {
  const below = LAYERS[LAYERS.indexOf(layer) - 1];
  if (layer === "c1") return [below, [0], row, row + 4, column, column + 4];
  if (layer === "c3") return [below, FED_BY[place], row, row + 4, column, column + 4];
  if (layer === "s2" || layer === "s4") return [below, [place], 2 * row, 2 * row + 1, 2 * column, 2 * column + 1];
  const [maps, rows, columns] = MAPS[below];
  return [below, [...Array(maps).keys()], 0, rows - 1, 0, columns - 1];
}

// All that one unit can see: layer -> [maps, first row, last row, first column, last column].
export function receptiveField(layer, place, row, column) {
  const seen = {};
  let maps = [place], [top, bottom, left, right] = [row, row, column, column];
  while (layer !== "input") {
    const [below, , first, , start] = fedBy(layer, maps[0], top, left);
    const [, , , last, , end] = fedBy(layer, maps[0], bottom, right);
    maps = [...new Set(maps.flatMap((at) => fedBy(layer, at, 0, 0)[1]))].sort((one, other) => one - other);
    [top, bottom, left, right] = [first, last, start, end];
    seen[below] = [maps, top, bottom, left, right];
    layer = below;
  }
  return seen;
}

// How the state of one unit comes about: { name, sources: [{ name, patch, weight, amount }], words }.
export function account(weights, maps, layer, place, row, column) {
  const { values, columns } = maps[layer][place], unit = row * columns + column, state = values[unit];
  if (layer === "input") {
    const words = `Pixel in row ${row}, column ${column}: ${fixed(state)}, where background is -0.1 and ink 1.175.`;
    return { name: "Input", sources: [], words };
  }
  const [below, feeding, top, bottom, left, right] = fedBy(layer, place, row, column);
  const patches = feeding.map((at) => cut(maps[below][at], top, left, bottom - top + 1, right - left + 1));
  if (layer === "output") {
    const scale = weights.facts.rbf_scale, code = weights["rbf.codes"].subarray(84 * row, 84 * row + 84);
    const words = `The squared distance between F6's state and the code of ${row} is ${(state / scale).toFixed(2)}; times `
      + `${general(scale)} it is the penalty ${state.toFixed(2)}.`;
    return { name: `Output unit ${row}`, sources: [{ name: "F6", patch: patches[0], weight: grid(code, 12, 7) }], words };
  }
  const incoming = incomingWeights(weights, layer, place, unit), several = maps[layer].length > 1;
  const bias = weights[`${layer}.bias`][several ? place : unit];
  const sources = feeding.map((source, at) => {
    const patch = patches[at], size = patch.values.length;
    const weight = grid(incoming.subarray(at * size, at * size + size), patch.rows, patch.columns);
    const amount = patch.values.reduce((sum, value, k) => sum + value * weight.values[k], 0);
    return { name: below.toUpperCase() + (maps[below].length > 1 ? ` map ${source}` : ""), patch, weight, amount };
  });
  const total = sources.reduce((sum, { amount }) => sum + amount, 0);
  const words = `${incoming.length} products add up to ${fixed(total)}; with the bias ${fixed(bias)} that is `
    + `${fixed(total + bias)}, and squashed ${fixed(state)}.`;
  const where = several ? ` map ${place}, row ${row}, column ${column}` : ` unit ${unit}`;
  return { name: layer.toUpperCase() + where, sources, words };
}

// The weights of all that feeds a unit, source after source.
function incomingWeights(weights, layer, place, unit) {
  const own = weights[`${layer}.weight`];
  if (layer === "s2" || layer === "s4") return new Float32Array(4).fill(weights[`${layer}.coefficient`][place]);
  if (layer === "c1") return own.subarray(25 * place, 25 * place + 25);
  if (layer === "c3") {
    const first = FED_BY.slice(0, place).flat().length;
    return own.subarray(25 * first, 25 * (first + FED_BY[place].length));
  }
  const fanIn = layer === "c5" ? 400 : 120;
  return own.subarray(fanIn * unit, fanIn * unit + fanIn);
}
