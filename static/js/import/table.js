// The table of a preview: which rows are shown, and the sum of what is chosen.

const WORDS = { exists: "that exist", remove: "to remove" };
const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/** The box that chooses a row. */
export const boxOf = (row) => row.querySelector(".select-cell input");

/** The boxes that are chosen together: none of what would be removed, unless only that is shown. */
export function boxesTogether(form) {
  const shown = [...form.querySelectorAll(".import-row")].filter((row) => !row.hidden && !boxOf(row).disabled);
  const imports = shown.filter((row) => row.dataset.change !== "remove");
  return (imports.length ? imports : shown).map(boxOf);
}

function counted(rows, name) {
  const counts = new Map();
  for (const row of rows) counts.set(row.dataset[name], (counts.get(row.dataset[name]) ?? 0) + 1);
  return [...counts].map(([word, n]) => `${n} ${WORDS[word] ?? word}`).join(", ");
}

/** Show the sum of the chosen rows, on the button as well. */
export function sum(form) {
  const rows = [...form.querySelectorAll(".import-row")];
  const chosen = rows.filter((row) => boxOf(row).checked);
  const left = rows.filter((row) => !chosen.includes(row));
  const line = document.getElementById("import-sum");
  const button = document.getElementById("import-save");
  if (!line) return;
  const what = plural(chosen.length, "change");
  const sentences = [chosen.length ? `${counted(chosen, "change")}.` : "", left.length ? `Left out: ${counted(left, "left")}.` : ""];
  line.querySelector("strong").textContent = what;
  line.querySelector(".muted").textContent = sentences.filter(Boolean).join(" ");
  button.textContent = `Save ${what}`;
  button.disabled = !chosen.length || form.ariaBusy === "true"; // a preview is on its way
  const every = document.getElementById("import-every");
  const together = boxesTogether(form);
  every.checked = together.length > 0 && together.every((box) => box.checked);
  every.indeterminate = !every.checked && together.some((box) => box.checked);
}

function filter(form, chip) {
  const { show } = chip.dataset;
  for (const other of form.querySelectorAll(".chip")) other.removeAttribute("aria-current");
  chip.setAttribute("aria-current", "true");
  let shown = true;
  for (const row of form.querySelectorAll(".import-table tbody tr")) {
    if (row.matches(".import-row")) {
      const { group, change } = row.dataset;
      shown = !show || (show === "decide" ? group === show : change === show);
    }
    row.hidden = row.matches(".group-row") ? Boolean(show) : !shown;
  }
  sum(form);
}

/** Let the chips hide rows. */
export function startFilter(form) {
  form.addEventListener("click", (event) => {
    const chip = event.target.closest(".chip");
    if (chip) filter(form, chip);
  });
}
