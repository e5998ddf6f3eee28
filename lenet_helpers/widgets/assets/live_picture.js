// A picture drawn by the kernel; grids inside it answer to the pointer and the arrow keys, inputs to their change.

const STILL = 300; // milliseconds without a change before a screen reader is told
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function render({ model, el }) {
  el.classList.add("lenet");
  const view = document.createElement("div");
  view.className = "picture";
  const spoken = document.createElement("p");
  spoken.className = "spoken";
  spoken.setAttribute("role", "status");
  el.append(view, spoken);
  const notice = noticeLine(el);
  const line = kernelLine(model, {
    onSilence: () => (notice.textContent = model.get("lost")),
    onAnswer: () => (notice.textContent = model.get("problem")),
  });
  let pause = null; // what is shown is spoken when it stands still
  const speak = () => {
    clearTimeout(pause);
    pause = setTimeout(() => (spoken.textContent = model.get("spoken")), STILL);
  };

  const draw = () => {
    const key = view.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    view.innerHTML = model.get("markup");
    if (key) view.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  };
  const point = (grid, row, column) => {
    const { key, rows, columns } = grid.dataset;
    row = Math.min(Math.max(row, 0), rows - 1);
    column = Math.min(Math.max(column, 0), columns - 1);
    Object.assign(grid.dataset, { row, column });
    line.ask({ touched: { key, row, column } });
  };
  const pointAt = (grid, event) => {
    const box = grid.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * grid.dataset.rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * grid.dataset.columns);
    if (event.type !== "pointermove" || row != grid.dataset.row || column != grid.dataset.column) point(grid, row, column);
  };

  view.addEventListener("pointerdown", (event) => {
    const grid = event.target.closest(".touch");
    if (!grid) return;
    event.preventDefault(); // the browser would move the focus to a grid that may be drawn anew by then
    grid.focus({ preventScroll: true });
    pointAt(grid, event);
  });
  view.addEventListener("pointermove", (event) => {
    const grid = event.target.closest(".touch");
    if (grid && event.buttons & 1 && grid === document.activeElement) pointAt(grid, event);
  });
  view.addEventListener("keydown", (event) => {
    const grid = event.target.closest(".touch");
    if (!grid) return;
    const { row, column, group } = grid.dataset;
    if (event.key in STEPS) {
      const [down, right] = STEPS[event.key];
      point(grid, Number(row) + down, Number(column) + right);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      const grids = [...view.querySelectorAll(`[data-group="${CSS.escape(group)}"]`)];
      const next = grids[grids.indexOf(grid) + (event.key === "PageDown" ? 1 : -1)];
      if (next) {
        next.focus({ preventScroll: true });
        point(next, Number(row), Number(column));
      }
    } else if (event.key === "Enter" || event.key === " ") {
      point(grid, Number(row), Number(column));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  view.addEventListener("change", (event) => {
    const { key, row, column } = event.target.dataset;
    if (key) line.ask({ touched: { key, row: Number(row), column: Number(column), value: event.target.value } });
  });

  model.on("change:markup", draw);
  model.on("change:spoken", speak);
  model.on("change:problem", () => (notice.textContent = model.get("problem")));
  draw();
  notice.textContent = model.get("problem");
  return () => {
    clearTimeout(pause);
    line.close();
  };
}

export default { render };
