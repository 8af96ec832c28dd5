// The selected cells of the matrix: values of one scope, to remove or to copy to others.

import { byId } from "../elements.js";

const bar = byId("select-bar");
const grid = () => document.querySelector("#listing .matrix");
let column = 0;
let anchor = ""; // the id of the row from which a range extends
const chosen = new Set(); // ids of rows

const cellIn = (id) => byId(id)?.cells[column];
const headOf = (index) => grid().tHead.rows[0].cells[index];
const hasValue = (cell) => cell.querySelector("a.state:not(.edit)") !== null;
const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

export const isEmpty = () => chosen.size === 0;

export function clear() {
  chosen.clear();
  show();
}

function startIn(cell) {
  if (cell.cellIndex !== column) chosen.clear();
  column = cell.cellIndex;
}

/** Select the cell, or no longer. Only values of one scope can be selected together. */
export function toggle(cell) {
  if (!bar || !hasValue(cell)) return;
  const { id } = cell.parentElement;
  startIn(cell);
  if (!chosen.delete(id)) chosen.add(id);
  anchor = id;
  show();
}

/** Select the cells between the anchor, or `from` if there is none, and `to`. */
export function extend(from, to) {
  if (!bar || !to.matches("td")) return;
  if (isEmpty() && from) anchor = from.parentElement.id;
  startIn(to);
  const rows = [...grid().querySelectorAll("tr[id]")];
  const ends = [anchor, to.parentElement.id].map((id) => rows.findIndex((row) => row.id === id));
  chosen.clear();
  for (const row of rows.slice(Math.max(0, Math.min(...ends)), Math.max(...ends) + 1)) {
    if (hasValue(row.cells[column])) chosen.add(row.id);
  }
  show();
}

/** Mark what is selected in a matrix that a filter brought, without the rows that it left out. */
export function restore() {
  for (const id of chosen) if (!cellIn(id)) chosen.delete(id);
  show();
}

function show() {
  if (!bar) return;
  grid()?.setAttribute("aria-multiselectable", "true");
  for (const cell of grid()?.querySelectorAll("[aria-selected]") ?? []) cell.removeAttribute("aria-selected");
  for (const id of chosen) cellIn(id).setAttribute("aria-selected", "true");
  bar.hidden = isEmpty();
  if (isEmpty()) byId("copy-to").open = false;
  else describe();
}

/** Return the address of the page that says why the scope of a cell gets its value, or none. */
export function whyOf(cell) {
  const { id } = headOf(cell.cellIndex).dataset;
  return new URL(`${cell.parentElement.dataset.edit.replace(/edit\/$/, "why/")}?on=${id}`, location).href;
}

function describe() {
  const [first, ...others] = chosen;
  byId("why").hidden = others.length > 0;
  byId("why").href = whyOf(cellIn(first));
  byId("selected").textContent = `${counted(chosen.size, "cell")} selected on ${headOf(column).querySelector("a").innerText}`;
  byId("copy-title").textContent = `Copy ${counted(chosen.size, "value")} to`;
  byId("remove").hidden = tokens().length < chosen.size; // inherited, or this person may not
  const heads = [...grid().tHead.rows[0].cells];
  for (const box of bar.querySelectorAll('[name="scope"]')) {
    const index = heads.findIndex(({ dataset }) => dataset.id === box.value);
    const states = [...chosen].map((id) => byId(id).cells[index].querySelector(".state"));
    const lacking = states.filter((state) => state.matches(".missing, .none")).length;
    box.closest("label").hidden = index === column;
    box.closest("label").lastElementChild.textContent = lacking ? `lacks ${lacking}` : "has all";
    box.checked = index !== column && states.some((state) => state.matches(".missing"));
  }
}

// What names the values that are the scope's own, in the state that is shown.
const tokens = () => [...chosen].map((id) => cellIn(id).dataset.own).filter(Boolean);

// The value that a cell gets: its kind, and its id in the address of its page.
function valueOf(id) {
  const [, pk] = cellIn(id)
    .querySelector("a")
    .href.match(/(\d+)\/$/);
  return `${id.replace(/-\d+$/, "")}:${pk}`;
}

if (bar) {
  byId("clear").addEventListener("click", () => {
    const cell = cellIn([...chosen][0]);
    clear();
    cell?.querySelector("a").focus();
  });
  byId("remove").addEventListener("formdata", ({ formData }) => {
    formData.set("scope", headOf(column).dataset.id);
    formData.set("remove", tokens().join("\n"));
  });
  byId("copy").addEventListener("formdata", ({ formData }) => {
    for (const id of chosen) formData.append("value", valueOf(id));
  });
}
