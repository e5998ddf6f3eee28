// From a map of penalties to a string (Section VII-A): Viterbi, and the forward score for the confidence. The same as
// lenet_helpers.strings. A map is a list of windows, each with the penalties of eleven classes, the blank last.

export const BLANK = 10, FIELD = 32, STEP = 4;

// Penalty from class to class, before and after. touching: of another digit without a blank between; begin: of every
// digit that begins.
export function grammar({ touching = Infinity, begin = 0 } = {}) {
  const classes = [...Array(BLANK + 1).keys()];
  return classes.map((before) => classes.map((after) => {
    if (after === before || after === BLANK) return 0;
    return before === BLANK ? begin : touching + begin;
  }));
}

// READING and TEMPERATURE of lenet_helpers.strings.graph.
const READING = grammar({ begin: -8 });
const TEMPERATURE = 7;

// The path of least penalty through a map: a class for each window.
export function viterbi(map, arcs) {
  const cameFrom = [];
  let best = Array.from(map[0], (own, state) => own + arcs[BLANK][state]);
  for (const penalties of map.slice(1)) {
    const before = best.map((_, after) => leastOf(best.map((reached, from) => reached + arcs[from][after])));
    cameFrom.push(before);
    best = before.map((from, after) => best[from] + arcs[from][after] + penalties[after]);
  }
  const path = [leastOf(best)];
  for (const before of cameFrom.reverse()) path.unshift(before[path[0]]);
  return path;
}

const leastOf = (values) => values.reduce((least, value, at) => (value < values[least] ? at : least), 0);

// -log of the sum of exp(-penalty)
function together(penalties) {
  const least = Math.min(...penalties);
  if (least === Infinity) return Infinity;
  return least - Math.log(penalties.reduce((sum, penalty) => sum + Math.exp(least - penalty), 0));
}

// The forward score of a graph: all of its paths, joined. Its states have classes, penalties of beginning (start) and of
// ending there (end), and the ways that lead into each: [state before, penalty].
function forward(map, { classes, start, end, ways }) {
  let reached = classes.map((kind, state) => map[0][kind] + start[state]);
  for (const penalties of map.slice(1)) {
    reached = classes.map((kind, state) =>
      penalties[kind] + together(ways[state].map(([before, penalty]) => reached[before] + penalty)));
  }
  return together(reached.map((penalty, state) => penalty + end[state]));
}

// Every path that the grammar allows: a state is a class.
function allLegal(arcs) {
  const classes = [...arcs.keys()];
  const ways = classes.map((after) => classes.map((before) => [before, arcs[before][after]]));
  return { classes, start: arcs[BLANK], end: classes.map(() => 0), ways };
}

// The paths that spell a string: blank, first digit, blank, second digit ... blank, in that order.
function ofString(text, arcs) {
  const classes = [BLANK, ...[...text].flatMap((digit) => [Number(digit), BLANK])];
  const ways = classes.map((kind, state) => {
    const before = [state, state - 1, state - 2].filter((from) => from >= 0);
    if (classes[state - 2] === kind) before.pop(); // an equal digit needs the blank, a blank the digit
    return before.map((from) => [from, arcs[classes[from]][kind]]);
  });
  const start = classes.map((kind, state) => (state <= 1 ? arcs[BLANK][kind] : Infinity));
  return { classes, start, end: classes.map((_, state) => (state >= classes.length - 2 ? 0 : Infinity)), ways };
}

// The share that a string has of all legal interpretations of a map, from 0 to 1; each weighs exp(-penalty/TEMPERATURE).
export function confidence(map, text, arcs) {
  const divided = (rows) => rows.map((row) => Array.from(row, (penalty) => penalty / TEMPERATURE));
  map = divided(map), arcs = divided(arcs);
  const share = Math.exp(forward(map, allLegal(arcs)) - forward(map, ofString(text, arcs)));
  return Math.min(Math.max(share, 0), 1);
}

// The runs of one class along a path, as [class, first window, last window].
export function runsOf(path) {
  const runs = [];
  path.forEach((kind, window) => {
    if (runs.at(-1)?.[0] === kind) runs.at(-1)[2] = window;
    else runs.push([kind, window, window]);
  });
  return runs;
}

// What a map is read as: the text, the column of the field in the middle of each digit's windows, the confidence and
// the path.
export function readMap(map, arcs = READING) {
  const path = viterbi(map, arcs), digits = runsOf(path).filter(([kind]) => kind !== BLANK);
  const text = digits.map(([kind]) => kind).join("");
  const places = digits.map(([, first, last]) => FIELD / 2 + (STEP * (first + last)) / 2);
  return { text, places, confidence: confidence(map, text, arcs), path, map };
}
