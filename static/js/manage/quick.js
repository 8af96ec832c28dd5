// A list: its first row adds a value, and Edit opens a form in a row. Each is saved as in edit mode.

import { byId } from "../elements.js";
import { currentFilter } from "../filter.js";
import { get } from "../http.js";
import { toast } from "../toast.js";
import { startGenerating } from "./generate.js";
import { guard } from "./guard.js";
import { choose, focusField, openBelow, showVersion } from "./in_row.js";
import { startRemarks } from "./remarks.js";
import { Row } from "./row.js";
import { send } from "./save.js";

const rowsOf = (form) => [...form.querySelectorAll(".edit-row")].map((element) => Row.of(element));
export const rows = () => [...document.querySelectorAll("form.quick")].flatMap(rowsOf);
const dirty = () => rows().filter((row) => row.dirty);
const unsavedText = (n) => (n === 1 ? "1 unsaved change" : `${n} unsaved changes`);

const quickAdd = byId("quick-add");
const pristine = quickAdd?.querySelector(".edit-row").cloneNode(true);
// A clone has what was typed before the script ran.
for (const field of pristine?.querySelectorAll("input, textarea") ?? []) field.value = "";
let last = 1; // number of the newest row
let leave; // leaves the page without asking

// A new element, because a text area's own undo would bring back a value that was typed before.
function startAgain() {
  const old = quickAdd.querySelector(".edit-row");
  const fresh = pristine.cloneNode(true);
  last += 1;
  fresh.dataset.token = `new-${last}`;
  for (const field of fresh.querySelectorAll("[name]")) field.name = field.name.replace(/^new-\d+/, `new-${last}`);
  if (old) Row.of(fresh).branch.value = Row.of(old).branch.value;
  if (old) old.replaceWith(fresh);
  else quickAdd.prepend(fresh);
  Row.of(fresh).focus();
}

function followFilter() {
  const { branch } = rowsOf(quickAdd)[0];
  const chosen = byId("search-branch").value;
  const wanted = chosen === "all" ? "" : chosen; // only what applies to All branches
  if ([...branch.options].some(({ value }) => value === wanted)) branch.value = wanted;
}

const formsOf = (id) => [...document.querySelectorAll(`form.in-place[data-row="${id}"]`)];
const formOf = (id, kind) => formsOf(id).find((form) => form.dataset.kind === kind);

/**
 * Open the form of a row: for its value or, from a link to an override, for a branch.
 * `address` is that of the form, if the link leads elsewhere.
 */
export async function openForm(link, address = link.href) {
  const { id } = link.closest("tr");
  const wanted = !link.closest(".secrets") ? "cell" : link.matches(".override") ? "override" : "value";
  if (formOf(id, wanted)) return focusField(formOf(id, wanted));
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  const { ok, page } = await get(address.includes("?") ? address : address + currentFilter());
  link.ariaBusy = null;
  const form = page?.querySelector("form.in-place");
  if (!ok || !form) return location.assign(address);
  if (!byId(id)) return;
  const kind = wanted === "cell" ? wanted : choose(form, wanted);
  const open = formOf(id, kind);
  if (open) return focusField(open);
  Object.assign(form.dataset, { row: id, kind });
  openBelow(byId(id), document.adoptNode(form));
  focusField(form);
}

/**
 * Remove what a row has. The form opens for it, and stays open if the server asks something.
 * `ask(row, remove)` calls `remove` at once, or after a question.
 */
export async function removeRow(row, ask = (it, remove) => remove(it)) {
  await openForm(row.querySelector("a.edit"));
  const form = formOf(row.id, "value");
  if (!form) return;
  form.querySelector(".cancel").focus();
  ask(rowsOf(form)[0], (first) => {
    if (!first.removing) first.toggleRemoval();
    save(form);
  });
}

function close(form) {
  if (!byId("listing")) return leave(form.querySelector(".cancel").href);
  for (const row of rowsOf(form)) row.clear();
  const { row: id, kind } = form.dataset;
  (form.closest("tr") ?? form).remove();
  if (kind === "value") byId(id)?.querySelector(".version")?.remove();
  focusEdit(id);
}

// The row beside the one that is removed.
function besideOf(id) {
  const ids = [...document.querySelectorAll("#listing tbody tr[id]")].map((row) => row.id);
  const at = ids.indexOf(id);
  return ids[at + 1] ?? ids[at - 1];
}

// Of a grid's cells, the one that had the focus is the only tab stop.
function focusEdit(id, beside = "") {
  const [open] = formsOf(id);
  if (open) return focusField(open);
  const row = byId(id) ?? byId(beside);
  (row?.querySelector('[tabindex="0"]:is(.state)') ?? row?.querySelector("a.edit") ?? byId("search-q")).focus();
}

// Searching, sorting and the check against the store replace the list, but keep the open forms.
function keepForms() {
  let kept = [];
  let focused = null;
  let replaced = null;
  const before = ({ detail: { target, shouldSwap } }) => {
    if (target.id !== "listing" || !shouldSwap) return;
    replaced = byId("listing");
    kept = [...document.querySelectorAll("form.in-place[data-row]")];
    focused = kept.some((form) => form.contains(document.activeElement)) ? document.activeElement : null;
  };
  const after = () => {
    for (const form of document.querySelectorAll("form.in-place")) showVersion(form);
    if (byId("listing") === replaced) return; // another element was swapped first
    for (const form of kept) {
      const row = byId(form.dataset.row);
      if (row) openBelow(row, form);
      else if (rowsOf(form).some((it) => it.dirty)) byId("listing").before(form);
      else form.remove();
    }
    kept = [];
    focused?.focus();
    focused = null;
  };
  for (const name of ["htmx:beforeSwap", "htmx:oobBeforeSwap"]) document.addEventListener(name, before);
  for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap"]) document.addEventListener(name, after);
}

// Load the list again, with a message about what was saved.
async function refresh(changeSet, list) {
  const address = new URL(location.href);
  const isList = address.pathname === new URL(list, location).pathname;
  if (isList) address.searchParams.set("saved", changeSet);
  await htmx.ajax("GET", address.pathname + address.search, { target: "#listing", swap: "outerHTML" });
  if (!isList) await showSaved(`${list}?saved=${encodeURIComponent(changeSet)}`);
}

// On another page than the list, show what the list would show outside of its rows.
async function showSaved(address) {
  const { page } = await get(address);
  const count = page?.getElementById("bin-count");
  if (count) byId("bin-count").replaceWith(count);
  for (const message of page?.querySelectorAll('[hx-swap-oob="beforeend:#toasts"] > *') ?? []) {
    byId("toasts").append(message);
    htmx.process(message);
    htmx.trigger(message, "htmx:load");
  }
}

async function save(form) {
  const changed = rowsOf(form).filter((row) => row.dirty);
  if (form.inert) return;
  if (!changed.length) return toast(form === quickAdd ? "Enter a key and a value first." : "There are no changes to save.");
  const changeSet = form.elements.change_set.value;
  form.inert = true;
  const { saved, problem } = await send(form, changed);
  form.inert = false;
  const failed = changed.find((row) => row.dirty && row.element.isConnected); // or it was removed
  const notes = changed.filter((row) => !row.dirty).map((row) => row.element.querySelector(".note p")?.textContent);
  const beside = besideOf(form.dataset.row);
  if (failed && problem) toast(problem, "error");
  if (failed) failed.focus();
  else if (!byId("listing")) return leave(`${form.dataset.done}?saved=${encodeURIComponent(changeSet)}`);
  else if (form === quickAdd) startAgain();
  else close(form);
  if (saved && byId("listing")) await refresh(changeSet, form.dataset.done ?? location.pathname);
  if (!failed && form !== quickAdd) focusEdit(form.dataset.row, beside); // of the row as it came with the list
  for (const note of notes.filter(Boolean)) toast(note, "warning");
}

function onEnter(event) {
  // Enter also ends the composition of a character, such as a Japanese one (229 in Safari).
  if (event.isComposing || event.keyCode === 229 || !event.target.matches("form.quick :is(input, textarea)")) return;
  if (event.target.matches("textarea") && event.shiftKey) return;
  event.preventDefault();
  const row = Row.of(event.target);
  if (event.target === row.key && row.key.value !== "" && row.value.value === "") row.value.focus();
  else save(event.target.form);
}

function onEscape({ target }) {
  const form = target.closest("form.quick");
  if (form === quickAdd && form) startAgain();
  else if (form) close(form);
}

// What a branch lacks is added in the first row.
function addMissing({ key, branch }) {
  if (rowsOf(quickAdd)[0].dirty) return toast("Add what you typed in the first row, or clear it with Esc.", "warning");
  startAgain();
  const [fresh] = rowsOf(quickAdd);
  fresh.key.value = key;
  fresh.branch.value = branch;
  fresh.showDirty();
  fresh.value.focus();
}

function onClick(event) {
  if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const control = event.target.closest("#listing a:is(.edit, .add-missing), form.quick :is(.eye, .cancel)");
  if (!control) return;
  event.preventDefault();
  if (control.matches(".edit")) openForm(control);
  if (control.matches(".add-missing")) addMissing(control.dataset);
  if (control.matches(".eye")) Row.of(control).toggleValue();
  if (control.matches(".cancel")) close(control.closest("form"));
}

// What others removed since is added again from the first row.
function addAgain({ target }) {
  if (!quickAdd) return toast("It was removed. Add it again in the list.", "warning");
  const row = Row.of(target);
  const branch = target.querySelector(".cell-branch").textContent.trim();
  const key = row.key?.value ?? target.querySelector(".key").textContent;
  const { value } = row.value;
  close(target.closest("form"));
  startAgain();
  const [fresh] = rowsOf(quickAdd);
  fresh.key.value = key;
  fresh.value.value = value;
  const option = [...fresh.branch.options].find(({ text }) => text === branch);
  if (option) option.selected = true;
  fresh.showDirty();
}

function onKept({ target }) {
  if (target === quickAdd) startAgain();
  else if (!rowsOf(target).some((row) => row.dirty)) close(target);
}

// Do not repeat the "saved" message on reload.
function forgetSaved() {
  const address = new URL(location.href);
  if (!address.searchParams.has("saved")) return;
  address.searchParams.delete("saved");
  history.replaceState(history.state, "", address);
}

/** Start adding in the list's first row, and editing in its rows. */
export function startQuickEditing() {
  forgetSaved();
  if (!byId("leave")) return;
  document.addEventListener("click", onClick); // before the guard, which lets a handled click pass
  leave = guard(() => dirty().length, unsavedText);
  startRemarks(document, () => false);
  startGenerating(document);
  keepForms();
  if (quickAdd) byId("search-branch").addEventListener("change", followFilter);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter") onEnter(event);
    if (event.key === "Escape" && !event.isComposing) onEscape(event);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.quick")) return;
    event.preventDefault();
    save(event.target);
  });
  document.addEventListener("row:save-again", ({ target }) => save(target.closest("form")));
  document.addEventListener("row:kept", onKept);
  document.addEventListener("row:re-add", addAgain);
}
