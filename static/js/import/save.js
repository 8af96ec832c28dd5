// Save the chosen rows of an import, as many per request as the server writes in a second.

import { button, byId, element, icon } from "../elements.js";
import { post } from "../http.js";
import { outcomesOf } from "../manage/outcomes.js";
import { boxOf } from "./table.js";

const MAX_ROWS = 100; // rows per request, about as many as a fast store takes in a second
const BADGES = {
  saved: ["ok", "check", "Saved"],
  removed: ["ok", "check", "Removed"],
  conflict: ["warn", "warn", "Conflict"],
  refused: ["warn", "warn", "Rejected"],
  denied: ["warn", "warn", "Rejected"],
  unknown: ["warn", "warn", "Unknown"],
  held: ["warn", "warn", "Waiting"],
  failed: ["bad", "bad", "Failed"],
  not_tried: ["", "", "Not saved"],
};

class Progress {
  stopped = false;
  #card = element("div", "progress-card");
  #text = element("p", "strong");
  #bar = element("progress", "");
  #stop = element("button", "button");

  constructor(total) {
    const words = element("div", "");
    this.total = total;
    this.#text.id = "import-progress";
    this.#text.setAttribute("role", "status");
    words.append(this.#text, element("p", "", "Keep this page open. What is saved stays saved if you stop."));
    this.#bar.max = total;
    this.#bar.setAttribute("aria-labelledby", "import-progress");
    this.#stop.type = "button";
    this.#stop.append(icon("stop", "small"), "Stop");
    this.#stop.addEventListener("click", () => {
      this.stopped = this.#stop.disabled = true;
      this.#stop.lastChild.textContent = "Stopping…";
    });
    this.#card.append(words, this.#stop, this.#bar);
    byId("import-preview").prepend(this.#card);
    this.show(0, 0);
    this.#stop.focus();
  }

  show(tried, saved) {
    this.#bar.value = tried;
    this.#text.textContent = `Saved ${saved.toLocaleString("en")} of ${this.total.toLocaleString("en")}`;
  }

  end(text, link) {
    this.#bar.remove();
    this.#text.nextElementSibling.textContent = text;
    this.#stop.replaceWith(link);
    link.focus();
  }
}

function showOutcome(row, { outcome, message, version, base }) {
  const [tone, name, word] = BADGES[outcome];
  const badge = element("span", `badge ${tone}`);
  if (name) badge.append(icon(name, "tiny"));
  badge.append(word);
  row.querySelector(".c-change").replaceChildren(badge);
  while (row.nextElementSibling?.matches(".note-row")) row.nextElementSibling.remove();
  row.classList.toggle("has-note", Boolean(message));
  const box = boxOf(row);
  if (isDone(outcome)) {
    box.checked = false;
    box.disabled = true;
    if (outcome === "saved") row.querySelector(".c-value").replaceChildren(element("span", "length", `Version ${version}`));
    row.dataset.left = outcome;
  }
  if (outcome === "conflict") {
    box.checked = false;
    if (box.name === "row") box.value = box.value.replace(/^(\S+ \S+) \S+/, `$1 ${base}`);
    else box.disabled = true; // the next preview shows the value that is there now
    row.dataset.left = "conflict";
  }
  if (message) row.after(noteRow(row, outcome, message));
}

function noteRow(row, outcome, message) {
  const line = element("tr", "note-row");
  const cell = element("td", "flat");
  const note = element("div", `note ${outcome === "failed" ? "failed" : "conflict"}`);
  cell.colSpan = 5;
  note.append(icon(outcome === "saved" ? "info" : "warn", "small"), element("span", "", message));
  if (outcome === "conflict" && boxOf(row).name === "row") {
    const choose = button("Write yours"); // import/page.js hears it
    choose.dataset.choose = row.dataset.token;
    note.append(choose);
  }
  cell.append(note);
  line.append(element("td", "flat"), cell);
  return line;
}

function wait(row) {
  row.querySelector(".c-change").replaceChildren(element("span", "badge", "Waiting"));
}

// Rows that the server left for another request have no message. Every other one is at its end.
async function saveAll(form, rows, fields, progress) {
  let left = rows;
  let saved = 0;
  let lost = 0; // imports that were not saved, so that nothing is removed after them
  while (left.length && !progress.stopped) {
    const sent = fields();
    for (const name of ["row", "remove"]) sent.set(name, valuesOf(left.slice(0, MAX_ROWS), name));
    const { page, problem } = await post(form.getAttribute("action"), sent, { again: true });
    const outcomes = new Map(outcomesOf(page).map((it) => [it.token, it]));
    if (!outcomes.size) return { left, saved, problem: page?.querySelector(".problem")?.textContent.trim() ?? problem };
    const ended = left.filter((row) => isEnded(outcomes.get(row.dataset.token)));
    for (const row of ended) showOutcome(row, outcomes.get(row.dataset.token));
    const failed = ended.filter((row) => !isDone(outcomes.get(row.dataset.token).outcome));
    saved += ended.length - failed.length;
    lost += failed.filter((row) => boxOf(row).name === "row").length;
    left = left.filter((row) => !ended.includes(row));
    progress.show(rows.length - left.length, saved);
    if (!ended.length || ended.some((row) => outcomes.get(row.dataset.token).outcome === "not_tried")) break;
    if (lost && left.length && boxOf(left[0]).name === "remove") break;
  }
  return { left, saved, problem: "" };
}

function valuesOf(rows, name) {
  const boxes = rows.map(boxOf).filter((box) => box.name === name);
  return boxes.map(({ value }) => value).join("\n");
}

function isDone(outcome) {
  return outcome === "saved" || outcome === "removed";
}

function isEnded(outcome) {
  return outcome !== undefined && (outcome.outcome !== "not_tried" || outcome.message !== "");
}

function changeSetLink(form) {
  const link = element("a", "button", "See the change set");
  link.href = form.elements.change_set.dataset.done;
  return link;
}

/** Save the rows while progress is shown. Ends on the page of the change set, or says what is left. `fields()` returns what every request posts. */
export async function saveRows(form, rows, fields) {
  form.querySelector(".progress-card")?.remove();
  const card = form.querySelector(".card");
  const progress = new Progress(rows.length);
  card.classList.add("saving");
  for (const name of ["import-edit", "import-scopes"]) byId(name).hidden = true;
  for (const part of form.querySelectorAll("#import-preview > :is(.chip-row, .compare, .edit-foot)")) part.hidden = true;
  byId("import-lead").textContent = "All of it is one change set.";
  for (const row of rows) wait(row);
  const { left, saved, problem } = await saveAll(form, rows, fields, progress);
  card.classList.remove("saving");
  for (const row of left) showOutcome(row, { outcome: "not_tried", message: "" });
  if (saved === rows.length) return location.assign(form.elements.change_set.dataset.done);
  progress.end(problem || "What was saved stays saved. The other rows are below.", changeSetLink(form));
  for (const part of [byId("import-edit"), ...form.querySelectorAll("#import-preview > .edit-foot")]) part.hidden = false;
}
