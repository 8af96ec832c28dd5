// A list: its first row adds a value. Rows are saved as in edit mode, one form at a time.

import { toast } from "../toast.js";
import { guard } from "./guard.js";
import { startRemarks } from "./remarks.js";
import { Row } from "./row.js";
import { send } from "./save.js";

const FORMS = "form.quick";
const byId = (id) => document.getElementById(id);
const rowsOf = (form) => [...form.querySelectorAll(".edit-row")].map((element) => Row.of(element));
export const rows = () => [...document.querySelectorAll(FORMS)].flatMap(rowsOf);
const dirty = () => rows().filter((row) => row.dirty);

let pristine; // the first row as the page came, to start again from
let last = 1; // number of the newest row

// A new element, because a text area's own undo would bring back a value that was typed before.
function startAgain() {
  const old = byId("quick-add").querySelector(".edit-row");
  const fresh = pristine.cloneNode(true);
  last += 1;
  fresh.dataset.token = `new-${last}`;
  for (const field of fresh.querySelectorAll("[name]")) field.name = field.name.replace(/^new-\d+/, `new-${last}`);
  const { branch } = Row.of(fresh);
  if (old) branch.value = Row.of(old).branch.value;
  if (old) old.replaceWith(fresh);
  else byId("quick-add").prepend(fresh);
  Row.of(fresh).focus();
}

function followFilter() {
  const select = byId("quick-add").querySelector("select");
  const wanted = byId("search-branch").value;
  if ([...select.options].some(({ value }) => value === wanted)) select.value = wanted;
}

// Load the list again, with a message about what was saved.
async function refresh(changeSet) {
  const address = new URL(location.href);
  address.searchParams.set("saved", changeSet);
  await htmx.ajax("GET", address.pathname + address.search, { target: "#listing", swap: "outerHTML" });
}

async function save(form) {
  const changed = rowsOf(form).filter((row) => row.dirty);
  if (form.inert) return;
  if (!changed.length) return toast("There is nothing to add yet. Enter a key and a value.");
  form.inert = true;
  const { problem } = await send(form, changed);
  form.inert = false;
  const failed = changed.find((row) => row.dirty);
  if (failed && problem) toast(problem, "error");
  if (failed) return failed.focus();
  const notes = changed.map((row) => row.element.querySelector(".note p")?.textContent).filter(Boolean);
  startAgain();
  await refresh(form.elements.change_set.value);
  for (const note of notes) toast(note, "warning");
}

function onEnter(event) {
  // Enter also ends the composition of a character, such as a Japanese one (229 in Safari).
  if (event.isComposing || event.keyCode === 229 || !event.target.matches(`${FORMS} :is(input, textarea)`)) return;
  if (event.target.matches("textarea") && event.shiftKey) return;
  event.preventDefault();
  const row = Row.of(event.target);
  if (event.target === row.key && row.value.value === "") row.value.focus();
  else event.target.form.requestSubmit();
}

/** Start the list's quick-add row, if it has one. */
export function startQuickAdd() {
  const form = byId("quick-add");
  if (!form) return;
  pristine = form.querySelector(".edit-row").cloneNode(true);
  startRemarks(document, () => form.inert);
  guard(
    () => dirty().length,
    (n) => (n === 1 ? "1 unsaved change" : `${n} unsaved changes`),
  );
  byId("search-branch").addEventListener("change", followFilter);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter") onEnter(event);
    if (event.key === "Escape" && event.target.closest("#quick-add")) startAgain();
  });
  document.addEventListener("click", (event) => {
    const eye = event.target.closest(`${FORMS} .eye`);
    if (!eye) return;
    event.preventDefault();
    Row.of(eye).toggleValue();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(FORMS)) return;
    event.preventDefault();
    save(event.target);
  });
  document.addEventListener("row:save-again", (event) => save(event.target.closest("form")));
  document.addEventListener("row:kept", startAgain);
}
