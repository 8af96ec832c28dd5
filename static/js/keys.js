// Shortcuts of a single key. A person can switch them off in their preferences (WCAG 2.1.4).

import { byId } from "./elements.js";
import { openPalette } from "./palette.js";


function add() {
  const key = byId("add-key"); // in a list
  if (key) key.focus();
  else byId("add")?.click(); // in edit mode
}

function edit() {
  const row = document.activeElement.closest("#listing tbody tr") ?? document.querySelector("#listing tbody tr:hover");
  row?.querySelector("a.edit")?.click();
}

function search() {
  const field = byId("search-q");
  if (field) field.focus();
  else openPalette();
}

// Messages are far away in the order of Tab, and go after a while.
function undo() {
  document.querySelector("#toasts .toast:last-child .toast-action")?.focus();
}

const show = () => byId("keys").showModal();
const ACTIONS = { n: add, e: edit, u: undo, "/": search, "?": show };

function onButton({ target }) {
  const button = target.closest("[data-show-keys]");
  if (!button) return;
  const menu = button.closest("details");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus(); // where the focus returns to
  }
  button.closest("dialog")?.close();
  show();
}

/** Start the buttons that list the shortcuts and, unless they are switched off, the shortcuts. */
export function startKeys() {
  if (!byId("keys")) return;
  document.addEventListener("click", onButton);
  if (document.documentElement.dataset.keys === "off") return;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !Object.hasOwn(ACTIONS, event.key)) return;
    if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
    event.preventDefault(); // the field that gets the focus must not get the key too
    ACTIONS[event.key]();
  });
}
