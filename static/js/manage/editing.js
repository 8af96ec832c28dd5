// Edit mode: rows are added, changed and marked for removal here; only Save writes them.
// Each page sets its kind of Row, then calls startEditing.

import { byId, element } from "../elements.js";
import { currentFilter } from "../filter.js";
import { toast } from "../toast.js";
import { startGenerating } from "./generate.js";
import { guard } from "./guard.js";
import { startPaging } from "./paging.js";
import { startRemarks } from "./remarks.js";
import { Row } from "./row.js";
import { send } from "./save.js";

const form = document.getElementById("manage");
const added = document.getElementById("new");
export const rows = () => [...form.querySelectorAll(".edit-row")].map((element) => Row.of(element));
export const dirty = () => rows().filter((row) => row.dirty);
const unsavedText = (n) => (n === 1 ? "1 unsaved change" : `${n.toLocaleString("en")} unsaved changes`);
const leave = guard(() => dirty().length, unsavedText);

let saving = false;
let stopped = false;
let written = 0; // rows saved since the page was loaded
let batch; // rows per request
let last = added?.childElementCount ?? 0; // number of the newest row

/** Show the number of unsaved changes. */
export function count() {
  const n = dirty().length;
  const text = n ? unsavedText(n) : "";
  if (byId("count").textContent !== text) byId("count").textContent = text;
}

// A new row starts on the branch the list is filtered by, unless a name is given.
function chooseBranch(select, name) {
  const wanted = byId("search-branch").value;
  const fits = (option) => (name ? option.text === name : option.value === wanted);
  const choice = [...select.options].find(fits);
  if (choice) choice.selected = true;
}

/** Add a row from the template `blank`, below `after` or at the end, and return it. */
export function addRow({ key = "", value = "", branch = "", blank = "blank", after = null } = {}) {
  const element = byId(blank).content.firstElementChild.cloneNode(true);
  last += 1;
  element.dataset.token = `new-${last}`;
  for (const field of element.querySelectorAll("[name]")) {
    field.name = field.name.replace("new-N-", `new-${last}-`);
  }
  if (after) after.after(element);
  else added.append(element);
  const row = Row.of(element);
  row.key.value = key;
  row.value.value = value;
  if (!row.isOverride) chooseBranch(row.branch, branch); // of an override, people choose it
  row.showDirty();
  return row;
}

/** Mark an existing row for removal; remove a new row immediately. */
export function remove(row) {
  if (!row.isNew) return row.toggleRemoval();
  const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
  row.element.remove();
  if (next) Row.of(next).focus();
  else byId("add").focus();
}

function clearFilter() {
  const filter = byId("filter");
  byId("search-q").value = byId("search-branch").value = "";
  filter.requestSubmit();
  byId("search-q").focus();
}

function showResult(kind, text) {
  const alert = element("div", `alert ${kind}`);
  alert.setAttribute("role", kind ? "alert" : "status");
  alert.append(element("p", "", text));
  byId("summary").replaceChildren(alert);
}

function showProgress(total, saved, tried) {
  const bar = byId("progress").querySelector("progress");
  bar.max = total;
  bar.value = tried;
  byId("progress").querySelector(".progress-text").textContent = `Saved ${saved} of ${total}`;
}

function setSaving(on, many) {
  saving = on;
  form.classList.toggle("saving", on);
  byId("fields").inert = on;
  byId("progress").hidden = !(on && many);
  byId("count").hidden = byId("cancel").hidden = on && many;
  byId("save").ariaBusy = on ? "true" : null;
  byId("save").textContent = on ? "Saving…" : "Save";
  byId("stop").disabled = false;
  byId("stop").textContent = "Stop";
}

async function save(changed) {
  if (saving) return;
  if (!changed.length) return finish({ saved: 0, notes: 0, problem: "" }, 0);
  stopped = false;
  byId("summary").replaceChildren();
  showProgress(changed.length, 0, 0);
  setSaving(true, changed.length > (batch ?? 10));
  const sum = await send(form, changed, {
    onBatch: (saved, tried) => showProgress(changed.length, saved, tried),
    stopped: () => stopped,
    size: batch,
  });
  setSaving(false, false);
  written += sum.saved;
  count();
  finish(sum, changed.length);
}

function finish(sum, tried) {
  const open = dirty().length;
  if (!tried && !written) return toast("There are no changes to save.");
  if (!open && !sum.notes) return leave(form.dataset.done + currentFilter({ saved: form.elements.change_set.value }));
  if (!open) return showResult("warn", "Everything was saved. Some rows have notes.");
  const result = `Saved ${sum.saved} of ${tried} changes.`;
  if (sum.saved === tried) return showResult("", result);
  if (stopped) return showResult("warn", `Stopped. ${result} The rest are still unsaved.`);
  if (sum.saved + sum.held === tried) return showResult("warn", `${result} The rest wait for an earlier save.`);
  showResult("bad", sum.problem ? `${sum.problem} ${result}` : `${result} Fix the errors above.`);
  const first = rows().find((row) => row.dirty && row.element.querySelector(".note"));
  first?.element.scrollIntoView({ block: "nearest" });
  first?.focus();
}

startRemarks(form, () => saving);
startGenerating(form);
form.addEventListener("input", count);

form.addEventListener("click", (event) => {
  const control = event.target.closest(".remove, .eye, #add, #stop, [data-clear-filter]");
  if (!control) return;
  if (control.matches(".eye, a")) event.preventDefault();
  if (control.matches(".remove")) remove(Row.of(control));
  if (control.matches(".eye")) Row.of(control).toggleValue();
  if (control.id === "add") addRow().focus();
  if (control.id === "stop") {
    control.disabled = stopped = true;
    control.textContent = "Stopping…";
  }
  if (control.matches("[data-clear-filter]")) clearFilter();
  count();
});

form.addEventListener("keydown", (event) => {
  // Enter also ends the composition of a character, such as a Japanese one (229 in Safari).
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
  if (event.target.matches(".edit-row input")) {
    event.preventDefault(); // Enter in a name moves on to its value
    Row.of(event.target).value.focus();
  } else if (event.target.matches(".edit-row textarea") && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit(byId("save"));
  }
});

form.addEventListener("submit", (event) => {
  if (event.submitter?.matches(".eye")) return;
  event.preventDefault();
  save(dirty());
});

form.addEventListener("row:save-again", (event) => save([Row.of(event.target)]));
form.addEventListener("row:kept", () => count());
form.addEventListener("row:re-add", (event) => {
  const row = Row.of(event.target);
  const key = row.element.querySelector(".key").textContent;
  const branch = row.element.querySelector(".cell-branch").textContent.trim();
  addRow({ key, value: row.value.value, branch }).focus();
  row.element.remove();
  count();
});

/** Start edit mode; `size` is the number of rows per request. */
export function startEditing({ size } = {}) {
  batch = size;
  startPaging();
  count();
  form.classList.add("ready");
}
