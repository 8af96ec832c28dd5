// Edit mode for variables: adding overrides, and removing a base that has some.

import { addRow, count, remove, rows, startEditing } from "./manage/editing.js";
import { mustAsk, removeBase } from "./manage/overrides.js";
import { Row } from "./manage/row.js";
import { VariableRow } from "./manage/variable_row.js";

const ROWS = 50; // per request; they are saved in one transaction
const form = document.getElementById("manage");

// Add the row below its base, after existing overrides.
function addOverride(base) {
  let after = base.element;
  while (after.nextElementSibling?.matches(".edit-row.override")) after = after.nextElementSibling;
  const row = addRow({ key: base.name, value: base.value.value, blank: "blank-override", after });
  const taken = new Set(overridesOf(base));
  row.baseRow = base;
  for (const option of row.branch.options) option.disabled = taken.has(option.text);
  row.branch.focus();
  count();
}

function overridesOf(base) {
  const there = base.element.dataset.overrides?.split(", ") ?? [];
  const added = rows().filter((row) => row.baseRow === base && !row.done);
  return [...there, ...added.map((row) => row.branch.selectedOptions[0]?.text)];
}

// Capture the click before edit mode handles it, to ask about a base that has overrides.
form.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest(".remove, .add-override");
    if (!button) return;
    const row = Row.of(button);
    const menu = button.closest(".row-menu");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (button.matches(".add-override")) return addOverride(row);
    if (!mustAsk(row)) return;
    event.stopPropagation();
    removeBase(row, (it) => {
      remove(it);
      count();
    });
  },
  { capture: true },
);

// An override takes its base's name, even while the base is being renamed.
form.addEventListener("input", (event) => {
  if (!event.target.matches(".cell-key input")) return;
  const base = Row.of(event.target);
  for (const row of rows()) if (row.baseRow === base) row.key.value = base.name;
});

Row.use(VariableRow);
startEditing({ size: ROWS });
