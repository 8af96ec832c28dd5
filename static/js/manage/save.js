// Send the changed rows in batches, one after the other.

import { post } from "../http.js";
import { outcomesOf, showOutcome } from "./outcomes.js";

// Per batch: the parameter store reads and deletes at most ten names per call.
const ROWS = 10;

/**
 * Send `rows` to the form's own address, at most `size` at a time. Calls `onBatch(saved, tried)`
 * after each batch, and stops before the next one once `stopped()` is true. Returns
 * { saved, notes, held, problem }: the number of rows saved, the number of those with a note, the
 * number of rows that wait for an earlier save, and why the rest was not sent, or "".
 */
export async function send(form, rows, { onBatch = () => {}, stopped = () => false, size = ROWS } = {}) {
  const sum = { saved: 0, notes: 0, held: 0, problem: "" };
  const sorted = rows.toSorted((one, other) => one.rank - other.rank);
  for (let start = 0; start < rows.length && !stopped(); start += size) {
    const batch = sorted.slice(start, start + size);
    sum.problem = await sendBatch(form, batch, sum);
    onBatch(sum.saved, start + batch.length);
    if (sum.problem) break;
  }
  return sum;
}

async function sendBatch(form, batch, sum) {
  // The page says what can't be seen in a value, so a line break at its end is meant.
  const fields = new URLSearchParams({ change_set: form.elements.change_set.value, line_breaks: "on" });
  for (const row of batch) row.addTo(fields);
  // Permissions are checked per row, so a rejected request means an old CSRF token.
  const { page, problem } = await post(form.action, fields, { again: true });
  const outcomes = outcomesOf(page);
  if (!outcomes.length) return problem;
  const rows = new Map(batch.map((row) => [row.token, row]));
  for (const outcome of outcomes) {
    const row = rows.get(outcome.token);
    if (outcome.outcome === "held") sum.held += 1;
    if (!row || !showOutcome(row, outcome)) continue;
    sum.saved += 1;
    if (outcome.message) sum.notes += 1;
  }
  return unreachable(outcomes);
}

// If the store is unreachable or the server stops, every row would fail the same way, so stop.
function unreachable(outcomes) {
  const skipped = outcomes.find(({ outcome }) => outcome === "not_tried");
  if (!skipped) return "";
  const cause = outcomes.find(({ outcome }) => ["failed", "unknown"].includes(outcome));
  return (cause ?? skipped).message;
}
