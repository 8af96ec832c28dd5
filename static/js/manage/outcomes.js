// Show the server's outcome for each row.

import { button } from "../elements.js";

function emit(element, name) {
  element.dispatchEvent(new CustomEvent(name, { bubbles: true }));
}

function conflict(row, outcome) {
  const { message, base, pk } = outcome;
  const note = row.note("conflict", message);
  const form = row.element.closest("form");
  const keep = button("Keep their value", () => {
    if (row.isNew || !pk) row.element.remove();
    else row.keepTheirs(outcome);
    emit(form, "row:kept");
  });
  note.append(keep, overwrite(row, base, pk));
}

function overwrite(row, base, pk) {
  if (!pk && !row.isNew) return button("Add again", () => emit(row.element, "row:re-add"));
  return button(row.removing ? "Remove anyway" : "Overwrite", () => {
    row.baseField.value = base;
    emit(row.element, "row:save-again");
  });
}

function saved(row, { message, base }) {
  if (row.isNew) row.finish();
  row.saved(base);
  if (message) row.note("unknown", `Saved. ${message}`);
}

// An earlier save may still arrive. The row waits for that time, and is saved again as it is then.
function held(row, { message, wait }) {
  const note = row.note("held", message);
  const line = document.createElement("p");
  note.append(line, button("Don't wait", () => row.clearNote()));
  const end = Date.now() + Number(wait) * 1000;
  const timer = setInterval(() => {
    const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    if (!note.isConnected) return clearInterval(timer); // edited, saved or no longer waiting
    line.textContent = waiting(seconds);
    if (!seconds) emit(row.element, "row:save-again"); // ignored during another save, so repeated
  }, 1000);
  line.textContent = waiting(Number(wait));
}

function waiting(seconds) {
  return `Keep this page open: it saves your change in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
}

// Nothing is kept in the recycle bin, so a person decides.
function askAboutCopy(row, { message }) {
  const note = row.note("refused", message);
  const keep = button("Keep it", () => {
    row.reset();
    emit(row.element.closest("form"), "row:kept");
  });
  const remove = button("Remove without a copy", () => {
    row.withoutCopy = true;
    emit(row.element, "row:save-again");
  });
  note.append(keep, remove);
}

/** Read the outcomes in a response. */
export function outcomesOf(page) {
  return [...(page?.querySelectorAll("[data-token]") ?? [])].map((item) => ({
    ...item.dataset,
    message: item.textContent.trim(),
  }));
}

/** Show an outcome at its row. Returns true if the row is done. */
export function showOutcome(row, outcome) {
  switch (outcome.outcome) {
    case "saved":
      saved(row, outcome);
      return true;
    case "removed":
      row.element.remove();
      return true;
    case "conflict":
      conflict(row, outcome);
      return false;
    case "held":
      held(row, outcome);
      return false;
    case "refused":
      if (outcome.field === "copy") askAboutCopy(row, outcome);
      else row.note(outcome.outcome, outcome.message, outcome.field);
      return false;
    default:
      row.note(outcome.outcome, outcome.message, outcome.field);
      return false;
  }
}
