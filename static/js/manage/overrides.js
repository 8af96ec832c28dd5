// Asks what becomes of the overrides of a variable that is removed.

import { byId } from "../elements.js";

const dialog = document.getElementById("overrides");

/** True if a row is about to be removed while it has overrides. */
export const mustAsk = (row) => !row.isNew && !row.removing && Boolean(row.element.dataset.overrides);

/** Mark a variable's row for removal with `remove`, after asking about its overrides if it has some. */
export function removeBase(row, remove) {
  if (!mustAsk(row)) return remove(row);
  byId("overrides-key").textContent = row.name;
  byId("overrides-names").textContent = row.element.dataset.overrides;
  dialog.returnValue = "";
  dialog.showModal();
  const onClose = () => {
    if (!dialog.returnValue) return;
    row.overrides = dialog.returnValue;
    remove(row);
    row.note("removing", dialog.returnValue === "keep" ? "Will be removed when you save. Its overrides are kept." : "Will be removed with its overrides when you save.");
  };
  dialog.addEventListener("close", onClose, { once: true });
}
