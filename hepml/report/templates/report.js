"use strict";
// Tables sort by a click on a column's title, and sliders read the numbers of a cut off the curve.

function sortable(table) {
  const body = table.tBodies[0];
  const heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
  if (!body || body.rows.length < 3 || [...body.rows].some((row) => row.cells.length !== heads.length)) return;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => ({ row, key: key(row.cells[column].textContent) }));
      const numeric = rows.every(({ key }) => key.number !== null || !/\d/.test(key.text));
      rows.sort((a, b) => (descending ? -1 : 1) * compare(a.key, b.key, numeric) || (lost(a.key) - lost(b.key)));
      // what has no number stays last, whatever the direction
      if (numeric) rows.sort((a, b) => lost(a.key) - lost(b.key));
      body.append(...rows.map(({ row }) => row));
    });
  });
}

function key(text) {
  const found = /^\s*[-+−]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/i.exec(text.replace("−", "-"));
  return { text: text.trim(), number: found ? Number(found[0]) : null };
}

function lost(key) { return key.number === null ? 1 : 0; }

function compare(a, b, numeric) {
  if (!numeric) return a.text.localeCompare(b.text);
  return (a.number ?? 0) - (b.number ?? 0);
}

function slider(box, methods) {
  const range = box.querySelector("input");
  const choice = box.querySelector("select");
  const show = () => {
    const method = methods[Number(choice.value)];
    // from the loosest cut on the left to the tightest on the right
    const index = method.threshold.length - 1 - Math.round(Number(range.value) * (method.threshold.length - 1));
    for (const output of box.querySelectorAll("output")) {
      const name = output.dataset.number;
      const values = method[name];
      const error = method[name + "_error"];
      output.textContent = values && values[index] !== null
        ? written(values[index], error ? error[index] : 0) : "not computable";
    }
  };
  choice.addEventListener("change", show);
  range.addEventListener("input", show);
  box.hidden = false;
  show();
}

function written(value, error) {
  if (error === null) return value.toPrecision(4) + " (error not computable)";
  if (!(error > 0)) return value.toPrecision(4);
  const digits = Math.min(Math.max(0, 1 - Math.floor(Math.log10(error))), 12);
  return value.toFixed(digits) + " ± " + error.toFixed(digits);
}

document.querySelectorAll("table:not(.fixed)").forEach(sortable);
const methods = JSON.parse(document.getElementById("slider-data").textContent);
if (methods.length) document.querySelectorAll(".slider").forEach((box) => slider(box, methods));
