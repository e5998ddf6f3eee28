// A sheet of paper to draw on with mouse, pen, finger or keyboard. The drawing is a list of items (strokes, pictures
// put on the paper, clearings); the list lives in the page and is what Undo takes back. Whoever lays the paper sees
// only the finished image. It needs no kernel: the widget's page and the site's share it.

const SIZES = { // by what is drawn: the canvas's own pixels, in which items are, and the pen's width
  digit: { columns: 560, rows: 560, pen: 44 },
  number: { columns: 1680, rows: 560, pen: 40 },
};
const NIB = 10; // one step of the cursor keys
const STRIDE = 5; // such steps with the shift key

// ---- the drawing, one for each page and name, kept in the browser for as long as its tab is open

function openDrawing(shelf) {
  const drawing = new EventTarget();
  drawing.items = [];
  try {
    drawing.items = JSON.parse(sessionStorage.getItem(shelf)) ?? [];
  } catch (error) { /* no storage in this page: the drawing lives as long as the page */ }
  drawing.keep = () => {
    try {
      sessionStorage.setItem(shelf, JSON.stringify(drawing.items));
    } catch (error) { /* storage full or absent: as above */ }
    drawing.dispatchEvent(new Event("change"));
  };
  drawing.add = (...items) => { drawing.items.push(...items); drawing.keep(); };
  drawing.undo = () => { drawing.items.pop(); drawing.keep(); };
  drawing.isBlank = () => drawing.items.length === 0 || drawing.items.at(-1).kind === "clear";
  return drawing;
}

const drawings = new Map(); // so that a second view of the same drawing shows the same paper

function drawingOn(shelf) {
  if (!drawings.has(shelf)) drawings.set(shelf, openDrawing(shelf));
  return drawings.get(shelf);
}

// ---- painting

function paintStroke(pen, item, from = 0) {
  const points = item.points;
  pen.strokeStyle = pen.fillStyle = item.kind === "eraser" ? "#fff" : "#000";
  pen.lineWidth = item.width;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  if (points.length === 1) {
    pen.arc(points[0][0], points[0][1], item.width / 2, 0, 2 * Math.PI);
    pen.fill();
    return;
  }
  pen.moveTo(...points[Math.max(0, from - 1)]);
  for (const point of points.slice(Math.max(1, from))) pen.lineTo(...point);
  pen.stroke();
}

function paintPicture(pen, item) { // as wide for its height as the paper
  const { width, height } = pen.canvas;
  const ink = Uint8Array.from(atob(item.ink), (letter) => letter.charCodeAt(0));
  const rows = Math.round(Math.sqrt((ink.length * height) / width)), columns = ink.length / rows;
  const pixels = new ImageData(columns, rows);
  ink.forEach((value, at) => pixels.data.set([255 - value, 255 - value, 255 - value, 255], 4 * at));
  const sheet = new OffscreenCanvas(columns, rows);
  sheet.getContext("2d").putImageData(pixels, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(sheet, 0, 0, width, height);
}

function paintAll(pen, items) {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, pen.canvas.width, pen.canvas.height);
  const start = items.findLastIndex((item) => item.kind !== "pen" && item.kind !== "eraser");
  for (const item of items.slice(Math.max(0, start))) {
    if (item.kind === "picture") paintPicture(pen, item);
    else if (item.kind !== "clear") paintStroke(pen, item);
  }
}

// ink 255 on 0, row by row
function inkOf(canvas, rows, columns) {
  const small = new OffscreenCanvas(columns, rows).getContext("2d", { willReadFrequently: true });
  small.imageSmoothingQuality = "high";
  small.drawImage(canvas, 0, 0, columns, rows);
  const pixels = small.getImageData(0, 0, columns, rows).data;
  return new Uint8Array(rows * columns).map((_, at) => 255 - pixels[4 * at]);
}

// ---- the paper and its tools

const sheetOf = (thing, { columns, rows, pen }) => `
  <div class="paper${columns > rows ? " wide" : ""}">
    <canvas width="${columns}" height="${rows}" tabindex="0" role="application"
      aria-label="Drawing pad. Draw one ${thing} with mouse, pen or finger. With the keyboard: arrow keys move the pen,
      further with shift, space puts it down and lifts it, U takes back a stroke, Delete clears."></canvas>
    <div class="tools" role="toolbar" aria-label="Drawing tools">
      <button data-do="pen" aria-pressed="true">Pen</button>
      <button data-do="eraser" aria-pressed="false">Eraser</button>
      <button data-do="undo">Undo</button>
      <button data-do="clear">Clear</button>
      <label class="width">Width <input type="range" min="14" max="90" value="${pen}" aria-label="Width of pen and eraser"></label>
    </div>
    <span class="hint">Keyboard: arrow keys, further with shift, space to draw, U to undo.</span>
  </div>`;

// Put the paper at the start of `pad`, for one `thing` to be drawn on it, with the drawing that the browser keeps under
// the name `shelf`. changed() is called after each edit, moved() while a stroke grows. ink(rows, columns) is the image,
// 255 on 0, in bytes.
export function layPaper(pad, { shelf, changed, moved = () => {}, thing = "digit" }) {
  const size = SIZES[thing];
  pad.classList.add(thing);
  pad.insertAdjacentHTML("afterbegin", sheetOf(thing, size));
  const drawing = drawingOn(shelf);
  const find = (selector) => pad.querySelector(selector);
  const canvas = find("canvas"), width = find(".width input");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let tool = "pen";
  let stroke = null; // the stroke under the pen, not yet part of the drawing
  let pointer = null;
  let cursor = null; // where the keyboard's pen is

  const repaint = () => {
    paintAll(pen, drawing.items);
    if (stroke) paintStroke(pen, stroke);
    find('[data-do="undo"]').disabled = drawing.items.length === 0;
    find('[data-do="clear"]').disabled = drawing.isBlank();
    pad.dataset.items = drawing.items.length;
  };
  let due = null; // repainting once a frame is enough, however fast the strokes come
  const repaintSoon = () => { due ??= requestAnimationFrame(() => { due = null; repaint(); }); };
  const change = (edit) => { edit(); repaint(); changed(); };
  const choose = (name) => {
    tool = name;
    for (const button of pad.querySelectorAll("[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.dataset.do === name));
    }
  };

  // strokes
  const begin = (point, kind) => {
    stroke = { kind, width: Number(width.value), points: [point] };
    paintStroke(pen, stroke);
  };
  const extend = (points) => {
    const from = stroke.points.length;
    stroke.points.push(...points);
    paintStroke(pen, stroke, from);
    moved();
  };
  const lift = () => {
    if (!stroke) return;
    const finished = stroke;
    stroke = pointer = null;
    drawing.add(finished);
    changed();
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = size.columns / canvas.clientWidth;
    return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop].map((at) =>
      Math.round(at * scale));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (stroke || event.button === 2) return; // a second finger, or a menu
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    canvas.classList.add("by-pointer");
    canvas.focus({ preventScroll: true });
    event.preventDefault();
    begin(place(event), event.button === 5 ? "eraser" : tool); // 5: the far end of a pen
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke || event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    extend((events.length ? events : [event]).map(place));
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(name, (event) => event.pointerId === pointer && lift());
  }

  // the keyboard's pen
  const moveCursor = (right, down) => {
    const from = cursor ?? [size.rows / 2, size.rows / 4];
    cursor = [from[0] + right * NIB, from[1] + down * NIB].map((at, axis) =>
      Math.min(Math.max(at, 0), axis ? size.rows : size.columns));
    repaint(); // without the ring, so that it is never taken for ink
    if (stroke) extend([cursor]);
    pen.strokeStyle = "#3f80d8";
    pen.lineWidth = 3;
    pen.beginPath();
    pen.arc(...cursor, Number(width.value) / 2 + 3, 0, 2 * Math.PI);
    pen.stroke();
  };
  const keys = {
    ArrowUp: (steps) => moveCursor(0, -steps), ArrowDown: (steps) => moveCursor(0, steps),
    ArrowLeft: (steps) => moveCursor(-steps, 0), ArrowRight: (steps) => moveCursor(steps, 0),
    " ": () => {
      if (stroke) { repaint(); lift(); } else { moveCursor(0, 0); begin(cursor, tool); }
    },
    u: () => doing.undo(), Delete: () => doing.clear(),
  };
  canvas.addEventListener("keydown", (event) => {
    const key = event.ctrlKey || event.metaKey ? (event.key === "z" ? "u" : null) : event.key;
    if (!(key in keys)) return;
    keys[key](event.shiftKey ? STRIDE : 1);
    canvas.classList.remove("by-pointer");
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("blur", () => {
    if (pointer === null && stroke) lift();
    if (cursor) repaint();
    cursor = null;
  });

  // tools
  const doing = {
    pen: () => choose("pen"),
    eraser: () => choose("eraser"),
    undo: () => { if (drawing.items.length) change(() => drawing.undo()); },
    clear: () => { if (!drawing.isBlank()) change(() => drawing.add({ kind: "clear" })); },
  };
  find(".tools").addEventListener("click", (event) => doing[event.target.dataset.do]?.());

  drawing.addEventListener("change", repaintSoon);
  repaint();
  return {
    canvas,
    isUsed: () => drawing.items.length > 0,
    ink: (rows, columns = rows) => inkOf(canvas, rows, columns),
    place: (ink) => change(() => drawing.add({ kind: "picture", ink })), // ink in base64
    // lists of points, in parts of the paper's height, in place of what is there
    write: (strokes) => change(() => drawing.add({ kind: "clear" }, ...strokes.map((points) => ({
      kind: "pen", width: size.pen, points: points.map((point) => point.map((at) => Math.round(at * size.rows))) })))),
    close: () => drawing.removeEventListener("change", repaintSoon),
  };
}
