// The form that edits a row, below it. In a list, the row stays and its value's field is where the form is, or a form
// for an override follows it. In Compare, one form has both.

import { lastForm, lineBelow } from "../below.js";
import { byId, element } from "../elements.js";

/** Keep what was asked for in a list, "value" or "override"; return what is possible. */
export function choose(form, wanted) {
  const offered = form.querySelector(".offered");
  const own = form.querySelector(".edit-row:not(.offered)");
  const kind = offered && (wanted === "override" || own.querySelector("textarea:disabled")) ? "override" : "value";
  (kind === "value" ? offered : own)?.remove();
  form.querySelector(":scope > .hints")?.remove(); // is between the two
  if (kind === "override") {
    form.ariaLabel = offered.ariaLabel;
    offered.prepend(offered.querySelector(".cell-branch")); // in the list, the branch comes first
  }
  return kind;
}

/** Put a form below a row. */
export function openBelow(row, form) {
  const isOverride = form.dataset.kind === "override";
  const line = lineBelow(row, form, isOverride ? "editing-row override" : "editing-row");
  (isOverride ? lastForm(row) : row).after(line);
  showVersion(form);
}

/** Say in a list's row which version its form changes. */
export function showVersion(form) {
  const { kind, row, version } = form.dataset;
  if (kind !== "value" || !form.closest("tr") || version === "0") return;
  const cell = byId(row)?.querySelector(".col-key:not(:has(.version))");
  if (cell) cell.append(element("span", "note-mark version", `Version ${version}`));
}

/** Focus the first field of a form. */
export function focusField(form) {
  const field = form.dataset.kind === "override" ? form.querySelector("select") : form.querySelector("textarea:enabled");
  (field ?? form.querySelector(".cancel")).focus();
}
