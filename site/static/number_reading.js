// What the network makes of a whole number, in words: the sentences of lenet_helpers.widgets.number_reading.

import { penaltyMap, toField } from "./lenet.js";
import { BLANK, readMap, runsOf } from "./strings.js";

// A reading is rejected that has less of all readings, or a digit whose penalty is above this at every window.
const LEAST_CONFIDENCE = 0.7, MOST_PENALTY = 24;
export const CLASSES = [...Array(BLANK).keys(), "blank"];

// A number in a field as `fitLine` gives it, as the network sees it and as it answers.
export function readNumber(weights, field) {
  const reading = readMap(penaltyMap(weights, toField(field.pixels)));
  const { map, text, confidence } = reading;
  const runs = runsOf(reading.path);
  const worst = Math.max(...runs.filter(([kind]) => kind !== BLANK).map(([kind, first, last]) =>
    Math.min(...map.slice(first, last + 1).map((penalties) => penalties[kind]))));
  let verdict = `I read ${text}.`;
  let remark = `Confidence ${confidence.toFixed(3)}: the share of ${text || "no digit"} among all readings.`;
  if (!text) {
    verdict = "I'd reject this: no digit was read in it.";
  } else if (worst > MOST_PENALTY) {
    verdict = `I'd reject this: not all of it is like digits. At best ${text}.`;
    remark += ` The penalty of one of its digits is ${worst.toFixed(1)} at best, above ${MOST_PENALTY}.`;
  } else if (confidence < LEAST_CONFIDENCE) {
    verdict = `I'd reject this: I am not sure enough. At best ${text}.`;
    remark += ` It should be ${LEAST_CONFIDENCE}.`;
  }
  const path = runs.map(([kind, first, last]) =>
    CLASSES[kind] + (last > first ? ` at ${last - first + 1} windows` : "")).join(", ");
  return { ...reading, told: path, verdict, remark, rejected: !verdict.startsWith("I read") };
}
