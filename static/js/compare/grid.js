// The matrix as a grid (WAI-ARIA): one tab stop, arrow keys, Enter opens, e or F2 edits in place,
// w explains a value, Space selects, Shift with an arrow key extends the selection.

import { openForm } from "../manage/quick.js";
import { clear, extend, isEmpty, restore, toggle, whyOf } from "./selection.js";

const PAGE = 10; // rows
const table = () => document.querySelector("#listing .matrix");
let active = { row: "", column: 0 }; // the id of the row, "" is the head

const rowsOf = (grid) => [...grid.rows].filter((row) => row.id || row.parentElement.matches("thead"));
const targetOf = (cell) => cell.querySelector("a, .state") ?? cell;
const cellOf = (target) => target.closest("td, th");

function setUp() {
  const grid = table();
  if (!grid) return;
  grid.setAttribute("role", "grid");
  grid.parentElement.removeAttribute("tabindex"); // the cell in it scrolls it
  for (const row of rowsOf(grid)) for (const cell of row.cells) targetOf(cell).tabIndex = -1;
  targetOf(activeCell(grid)).tabIndex = 0;
  restore();
}

// The first cell with a state, until another one had the focus.
function activeCell(grid) {
  const rows = rowsOf(grid);
  const row = rows.find(({ id }) => id && id === active.row) ?? rows[1] ?? rows[0];
  return row.cells[Math.min(active.column, row.cells.length - 1)];
}

function remember(target) {
  const cell = cellOf(target);
  const grid = table();
  targetOf(activeCell(grid)).tabIndex = -1;
  const inHead = cell.closest("thead") !== null;
  if (!inHead) active = { row: cell.parentElement.id, column: cell.cellIndex };
  else active = { ...active, column: cell.cellIndex };
  targetOf(activeCell(grid)).tabIndex = 0;
}

function move(cell, rows, columns) {
  const all = rowsOf(table());
  const at = all.indexOf(cell.parentElement) + rows;
  const row = all[Math.max(0, Math.min(at, all.length - 1))];
  const column = Math.max(0, Math.min(cell.cellIndex + columns, row.cells.length - 1));
  focus(row.cells[column]);
  return row.cells[column];
}

function focus(cell) {
  targetOf(cell).focus({ preventScroll: true });
  reveal(cell);
}

// The head and the first column stay in view, and would cover a cell that is scrolled to the edge.
function reveal(cell) {
  const wrap = table().parentElement;
  const box = cell.getBoundingClientRect();
  const area = wrap.getBoundingClientRect();
  const [key] = table().tHead.rows[0].cells;
  const left = area.left + key.offsetWidth - box.left;
  const top = area.top + key.offsetHeight - box.top;
  if (cell.cellIndex > 0) wrap.scrollLeft -= Math.max(left, 0) || Math.min(area.right - box.right, 0);
  if (!cell.closest("thead")) wrap.scrollTop -= Math.max(top, 0) || Math.min(area.bottom - box.bottom, 0);
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
}

const MOVES = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-PAGE, 0],
  PageDown: [PAGE, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
};
const CORNERS = { Home: [-Infinity, -Infinity], End: [Infinity, Infinity] };

// The form of an own value edits it. In any other cell it adds the key there.
function edit(cell) {
  const link = cell.querySelector("a.state");
  if (!link) return;
  if (link.matches(".edit")) return openForm(link);
  if (link.matches(".own, .pending")) return openForm(link, `${link.href}edit/`);
  const { id } = table().tHead.rows[0].cells[cell.cellIndex].dataset;
  openForm(link, new URL(`${cell.parentElement.dataset.edit}?on=${id}`, location).href);
}

function onKey(event) {
  const target = event.target.closest("#listing .matrix :is(a, .state, th)");
  if (!target || event.altKey || event.metaKey || event.isComposing || target.closest(".editing-row")) return;
  const cell = cellOf(target);
  const step = (event.ctrlKey ? CORNERS : MOVES)[event.key];
  if (step) {
    const reached = move(cell, ...step);
    if (event.shiftKey) extend(cell, reached);
  } else if (event.ctrlKey || !act(event.key, cell)) return;
  event.preventDefault();
  event.stopPropagation(); // the page has shortcuts of its own
}

// The bar that comes with the first selected cell would cover it.
function select(cell) {
  toggle(cell);
  reveal(cell);
}

// Returns false for a key that does nothing here.
function act(key, cell) {
  const letter = document.documentElement.dataset.keys === "off" ? "" : key;
  if (key === " " && cell.matches("td")) select(cell);
  else if (key === "Escape" && !isEmpty()) clear();
  else if ((key === "F2" || letter === "e") && cell.matches("td")) edit(cell);
  else if (letter === "w" && cell.matches("td")) location.assign(whyOf(cell));
  else return false;
  return true;
}

// A pointer selects with Shift, and extends what was selected.
function onClick(event) {
  const cell = event.shiftKey && event.target.closest("#listing .matrix tr[id] td");
  if (!cell) return;
  event.preventDefault();
  event.stopPropagation();
  if (isEmpty()) toggle(cell);
  else extend(null, cell);
  focus(cell);
}

/** Start the keyboard of the matrix, also after a filter has replaced it. */
export function startGrid() {
  setUp();
  document.addEventListener("htmx:afterSwap", setUp);
  document.addEventListener("keydown", onKey, { capture: true });
  document.addEventListener("click", onClick, { capture: true });
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches("#listing .matrix tr[id] :is(a, .state), #listing .matrix thead :is(a, th)")) remember(target);
  });
}
