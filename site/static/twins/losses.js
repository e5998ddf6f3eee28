// Two competing classes under the two losses of Section II-C: lenet_helpers.widgets.loss_lab.

import { choice, livePicture, slider } from "./front.js";
import { PALETTE, Svg, bar, curve, dot, fixed, general, line, mark, paragraph, roundNumbers, text, withSign } from "./svg.js";

const MOST = 40, SIZE = 330, LEFT = 46, TOP = 14, STEP = 0.5, STEPS = 600;
const PENALTIES = [...Array(MOST + 1).keys()];
const MSE = "MSE"; // Eq. 8; any other loss is the j of Eq. 9

// exp(-penalty) of the right class, of its rival and of the rubbish class, each divided by the sum of all three.
function shares(j, right, rival) {
  const least = Math.min(right, rival, j);
  const claims = [right, rival, j].map((penalty) => Math.exp(least - penalty));
  const sum = claims.reduce((one, other) => one + other);
  return claims.map((claim) => claim / sum);
}

// dE/dy of the right class and of its rival.
export function pushes(loss, right, rival) {
  if (loss === MSE) return [1, 0];
  const [own, other] = shares(loss, right, rival);
  return [1 - own, -other];
}

function energy(loss, right, rival) {
  return loss === MSE ? right : -Math.log(shares(loss, right, rival)[0]);
}

function downhill(loss, right, rival) {
  const path = [[right, rival]], within = (penalty) => Math.min(Math.max(penalty, 0), 2 * MOST);
  for (let step = 0; step < STEPS; step++) {
    const [x, y] = path.at(-1), [pull, push] = pushes(loss, x, y);
    path.push([within(x - STEP * pull), within(y - STEP * push)]);
  }
  return path;
}

const across = (penalty) => LEFT + (SIZE * penalty) / MOST;
const up = (penalty) => TOP + SIZE * (1 - penalty / MOST);

export function drawLosses(loss, right, rival) {
  const [pull, push] = pushes(loss, right, rival);
  const told = [
    `E = ${energy(loss, right, rival).toFixed(2)}.`,
    `dE/dy of the right class: ${withSign(pull)}, so it is ${pull > 5e-3 ? "pulled down" : "left alone"}.`,
    `dE/dy of its rival: ${withSign(push)}, so it is ${push < -5e-3 ? "pushed up" : "left alone"}.`,
  ];
  const name = loss === MSE ? "MSELoss()" : `MAPLoss(j=${general(loss)})`;
  const picture = new Svg(780, 396, `${name}, right class at penalty ${right}, rival at ${rival}. ${told.join(" ")}`);
  picture.add(...plane(), ...arrows(loss));
  const path = downhill(loss, right, rival).filter(([, y]) => y <= MOST).map(([x, y]) => [across(x), up(y)]);
  picture.add(curve(path, PALETTE.orange, 2.5));
  picture.add(dot(across(right), up(rival), 7, PALETTE.orange, { stroke: "#fff", stroke_width: 2 }));
  const beside = LEFT + SIZE + 44;
  told.forEach((words, at) => picture.add(text(beside, TOP + 14 + 20 * at, words,
    { size: at ? 12 : 14, weight: at ? "normal" : "bold" })));
  picture.place(bars(loss, right, rival), beside, TOP + 86);
  const places = PENALTIES.length;
  return picture.touch("plane", LEFT, TOP, SIZE, SIZE, [places, places], [MOST - rival, right],
    "Plane of the two penalties; arrow keys move the point");
}

function* plane() {
  for (let at = 0; at <= MOST; at += 10) {
    yield line(across(at), TOP, across(at), TOP + SIZE, undefined, 0.5);
    yield line(LEFT, up(at), LEFT + SIZE, up(at), undefined, 0.5);
    yield text(across(at), TOP + SIZE + 17, at, { size: 11, anchor: "middle" });
    yield text(LEFT - 8, up(at) + 4, at, { size: 11, anchor: "end" });
  }
  yield text(LEFT + SIZE / 2, TOP + SIZE + 38, "penalty of the right class (½ squared distance)", { anchor: "middle" });
  yield mark("g", { transform: `translate(12 ${TOP + SIZE / 2}) rotate(-90)` },
    text(0, 0, "penalty of its rival (½ squared distance)", { anchor: "middle" }));
}

function* arrows(loss) {
  const long = (SIZE / MOST) * 3.2;
  for (let x = 2; x < MOST; x += 4) {
    for (let y = 2; y < MOST; y += 4) {
      const [right, rival] = pushes(loss, x, y);
      if (Math.abs(right) + Math.abs(rival) > 0.05) {
        yield arrow(across(x), up(y), Math.max(across(x) - right * long, across(0)), up(y) + rival * long);
      }
    }
  }
}

function arrow(x, y, toX, toY) {
  const long = Math.max(Math.hypot(toX - x, toY - y), 1e-6);
  const right = (5 * (toX - x)) / long, down = (5 * (toY - y)) / long;
  const barbs = [[toX - right - down * 0.6, toY - down + right * 0.6], [toX - right + down * 0.6, toY - down - right * 0.6]];
  return curve([[x, y], [toX, toY], barbs[0], [toX, toY], barbs[1]], PALETTE.blue, 1.5, { stroke_opacity: 0.8 });
}

function bars(loss, right, rival) {
  const picture = new Svg(360, SIZE, "");
  if (loss === MSE) {
    return picture.add(...paragraph(0, 14, "Eq. 8 looks at the right class alone: it pulls that penalty down with a "
      + "constant 1 and never pushes a rival up.", 340));
  }
  const names = ["right class", "rival", `rubbish class, at j = ${general(loss, 3)}`];
  const colours = [PALETTE.green, PALETTE.red, undefined];
  picture.add(text(0, 14, "share of exp(−penalty)", { size: 13, weight: "bold" }));
  shares(loss, right, rival).forEach((share, at) => {
    const y = 26 + 50 * at, wide = Math.max(1, 260 * share);
    picture.add(text(0, y + 12, names[at]), bar(0, y + 20, wide, 18, colours[at], { rx: 3 }),
      text(wide + 8, y + 34, `${(100 * share).toFixed(1)}%`));
  });
  return picture.add(...paragraph(0, 202, "The rival is pushed up by its share, the right class pulled down by all that "
    + `is not its own. Rivals far above j = ${general(loss, 3)} get no push: the rubbish class has taken their share.`, 340));
}

export function start(el) {
  const values = roundNumbers(0.1, 70);
  let name = "MAP";
  const controls = el.appendChild(document.createElement("div"));
  controls.className = "controls";
  const show = () => view.show(drawLosses(name === MSE ? MSE : values[j.get("index")], right.get("index"), rival.get("index")));
  choice(controls, "Loss", [["MAP, Eq. 9", "MAP"], ["MSE, Eq. 8", MSE]], name, (chosen) => {
    name = chosen;
    j.set("disabled", name === MSE);
    show();
  });
  const j = slider(controls, "j", values, values.indexOf(10), () => show());
  const right = slider(controls, "Right class", PENALTIES, 12, () => show());
  const rival = slider(controls, "Rival", PENALTIES, 8, () => show());
  const view = livePicture(el, ({ row, column }) => {
    right.set("index", column);
    rival.set("index", MOST - row);
  });
  show();
}
