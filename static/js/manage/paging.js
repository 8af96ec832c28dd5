// Searching, paging and the check against the store replace the rows, but keep changed ones.

import { Row } from "./row.js";

const pinned = () => document.getElementById("pinned");
const elements = (parent) => [...parent.querySelectorAll(":scope > .edit-row")];

// Another page is coming: move changed rows above it, and drop unchanged rows from there.
function pin(rows) {
  for (const element of elements(pinned())) if (!Row.of(element).dirty) element.remove();
  for (const element of elements(rows)) if (Row.of(element).dirty) pinned().append(element);
}

function dropPinned(rows) {
  const above = new Map(elements(pinned()).map((element) => [element.id, element]));
  for (const element of elements(rows)) {
    const kept = above.get(element.id);
    if (!kept) continue;
    Row.of(kept).refresh(element);
    element.remove();
  }
}

// The same page again: rows in use keep their place, and so keep the focus.
function merge(rows, fresh) {
  const held = new Map(
    elements(rows).filter((element) => Row.of(element).held).map((element) => [element.id, element]),
  );
  for (const child of [...rows.children]) if (!held.has(child.id)) child.remove();
  let last = null;
  for (const child of [...fresh.children]) {
    const kept = held.get(child.id);
    if (kept) Row.of(kept).refresh(child);
    else if (last) last.after(child);
    else rows.prepend(child);
    last = kept ?? child;
    if (!kept) htmx.process(child);
  }
  const pager = rows.querySelector(":scope > .pager");
  if (pager) rows.append(pager);
  dropPinned(rows);
}

function keepHeldRows(event) {
  const { target, fragment, shouldSwap } = event.detail;
  if (!shouldSwap) return;
  if (target.id === "rows" && elements(target).some((element) => Row.of(element).held)) {
    event.detail.shouldSwap = false;
    merge(target, fragment.querySelector("#rows"));
  } else if (target.matches(".edit-row") && Row.of(target).held) {
    event.detail.shouldSwap = false;
    Row.of(target).refresh(fragment.querySelector(".edit-row"));
  }
}

export function startPaging() {
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.id === "rows" && detail.shouldSwap) pin(detail.target);
  });
  document.addEventListener("htmx:afterSwap", (event) => { // htmx:load comes 20 ms later
    if (event.target.id === "rows") dropPinned(event.target);
  });
  document.addEventListener("htmx:oobBeforeSwap", keepHeldRows);
}
