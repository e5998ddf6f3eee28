// What the network makes of one digit, in words: the sentences of lenet_helpers.widgets.digit_reading.

import { states, toInput } from "./lenet.js";

const MOST_INK = 0.4; // of 28 x 28; the fullest of MNIST's 60,000 training digits has 0.398
const LEAST_GAP = 8; // of the two best penalties: rejecting what is closer leaves about 0.5% error on MNIST (Fig. 10)
const RUBBISH = 10; // j of Eq. 9: where every penalty is above it, the rubbish class is the nearest

// A digit and its article: a 7, an 8.
export const named = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;

// One digit, 28 x 28 bytes, as the network sees it and as it answers.
export function read(weights, digit) {
  const reading = states(weights, toInput(digit));
  const { penalties } = reading;
  const ranking = [...penalties.keys()].sort((one, other) => penalties[one] - penalties[other]);
  const [best, second] = ranking;
  const ink = digit.reduce((sum, pixel) => sum + pixel, 0) / 255 / digit.length;
  let verdict = `I read ${named(best)}.`, remark = "";
  if (ink > MOST_INK) {
    verdict = "I'd reject this: more ink than any digit I learned from.";
  } else if (penalties[best] > RUBBISH) {
    verdict = `I'd reject this: no digit's code is near. At best ${named(best)}.`;
    remark = ` No penalty is below ${RUBBISH}.`;
  } else if (penalties[second] - penalties[best] < LEAST_GAP) {
    verdict = `I'd reject this: ${best} or ${second}?`;
  }
  remark = `Penalty of ${best}: ${penalties[best].toFixed(1)}; next comes ${second} with `
    + `${penalties[second].toFixed(1)}.${remark}`;
  return { ...reading, ranking, verdict, remark, rejected: !verdict.startsWith("I read") };
}
