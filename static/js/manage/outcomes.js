// Show the server's outcome for each row.

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button small";
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

function emit(element, name) {
  element.dispatchEvent(new CustomEvent(name, { bubbles: true }));
}

function conflict(row, outcome) {
  const { message, base, pk } = outcome;
  const note = row.note("conflict", message);
  const keep = button("Keep their value", () => {
    if (row.isNew || !pk) row.element.remove();
    else row.keepTheirs(outcome);
    emit(document.getElementById("manage"), "row:kept");
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
    default:
      row.note(outcome.outcome, outcome.message, outcome.field);
      return false;
  }
}
