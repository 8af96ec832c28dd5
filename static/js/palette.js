// The palette: a combobox whose list comes from the server. The focus stays in its field.

import { byId } from "./elements.js";

const jump = byId("jump");
const dialog = byId("palette");
const form = byId("palette-form");
const field = byId("palette-q");
const onMac = jump?.getAttribute("aria-keyshortcuts") === "Meta+K";

let sent = null; // what the last request searched for
let shown = null; // what the results are for
let waiting = null; // Enter was pressed before the results came: "here" or "tab"

const options = () => [...dialog.querySelectorAll('[role="option"]')];
const selected = () => dialog.querySelector('[aria-selected="true"]');

function select(option) {
  selected()?.setAttribute("aria-selected", "false");
  if (!option) return field.removeAttribute("aria-activedescendant");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option.id);
}

function move(by) {
  const all = options();
  const next = (all.indexOf(selected()) + by + all.length) % all.length;
  if (all.length) select(all[next]);
}

function go(where) {
  const option = selected();
  if (!option) return;
  if (where === "tab") window.open(option.href, "_blank", "noopener");
  else option.click();
}

function onResults() {
  const list = byId("palette-list");
  shown = sent;
  field.ariaExpanded = String(list.dataset.count !== "0");
  dialog.querySelector(".results").scrollTop = 0;
  select(options()[0]);
  const none = dialog.querySelector(".no-match")?.textContent;
  const count = list.dataset.count === "1" ? "1 result" : `${list.dataset.count} results`;
  byId("palette-status").textContent = none ?? count;
  if (shown !== field.value) return; // what was typed since is being searched for
  const where = waiting;
  waiting = null;
  if (where) go(where);
}

function onKey(event) {
  if (event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  }
  if (event.key === "?" && field.value === "") {
    event.preventDefault();
    dialog.querySelector("[data-show-keys]").click();
  }
  if (event.key === "Enter") {
    event.preventDefault();
    const where = event.ctrlKey || event.metaKey ? "tab" : "here";
    if (shown === field.value) go(where);
    else waiting = where;
  }
}

function onClick(event) {
  if (event.target === dialog) return dialog.close(); // the backdrop
  const isPlain = !(event.metaKey || event.ctrlKey || event.shiftKey);
  if (event.target.closest('[role="option"]') && isPlain) dialog.close();
}

/** Open the palette, unless another dialog is open. */
export function openPalette() {
  if (!dialog || document.querySelector("dialog[open]")) return;
  field.value = "";
  shown = waiting = null;
  dialog.showModal();
  field.focus();
  htmx.trigger(form, "palette-open");
}

/** Start the palette: its shortcut, and the box in the top bar. */
export function startPalette() {
  if (!dialog) return;
  document.addEventListener("keydown", (event) => {
    const { ctrlKey, metaKey, altKey, shiftKey } = event;
    if (event.key.toLowerCase() !== "k" || altKey || shiftKey || ctrlKey === onMac || metaKey !== onMac) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else openPalette();
  });
  jump.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    openPalette();
  });
  field.addEventListener("keydown", onKey);
  field.addEventListener("input", () => (waiting = null));
  dialog.addEventListener("click", onClick);
  byId("palette-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("pointermove", (event) => {
    const option = event.target.closest('[role="option"]');
    if (option && option !== selected()) select(option);
  });
  form.addEventListener("htmx:beforeRequest", () => (sent = field.value));
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target.id === "palette-results") onResults();
  });
  // A message says what is wrong. It would be behind the palette.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.id === "palette-results" && !detail.shouldSwap) dialog.close();
  });
  form.addEventListener("htmx:sendError", () => dialog.close());
}
