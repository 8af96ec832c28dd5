// Sending the changed rows, a few at a time and one batch after the other.

import { post } from "../http.js";
import { outcomesOf, place } from "./outcomes.js";

// In one batch; the parameter store reads and removes ten names a call
const ROWS = 10;

/**
 * Send `rows` to the form's own address, at most `size` at a time. `told(saved, tried)` hears of
 * each batch; after `stopped()` says so no further one goes out. Returns { saved, remarks, problem }: how many rows
 * are saved, how many of them with a remark, and why the rest was given up, or "".
 */
export async function send(form, rows, { told, stopped, size = ROWS }) {
  const sum = { saved: 0, remarks: 0, problem: "" };
  const sorted = rows.toSorted((one, other) => one.rank - other.rank);
  for (let start = 0; start < rows.length && !stopped(); start += size) {
    const batch = sorted.slice(start, start + size);
    sum.problem = await sendBatch(form, batch, sum);
    told(sum.saved, start + batch.length);
    if (sum.problem) break;
  }
  return sum;
}

async function sendBatch(form, batch, sum) {
  const fields = new URLSearchParams({ change_set: form.elements.change_set.value });
  for (const row of batch) row.addTo(fields);
  // Rights are answered row by row, so a post that is refused as a whole has an old token.
  const { page, problem } = await post(form.action, fields, { again: true });
  const outcomes = outcomesOf(page);
  if (!outcomes.length) return problem;
  const rows = new Map(batch.map((row) => [row.token, row]));
  for (const outcome of outcomes) {
    const row = rows.get(outcome.token);
    if (!row || !place(row, outcome)) continue;
    sum.saved += 1;
    if (outcome.message) sum.remarks += 1;
  }
  return away(outcomes);
}

// A store that is away fails every row alike: the rest would only wait for the same answer.
function away(outcomes) {
  if (!outcomes.some(({ outcome }) => outcome === "not_tried")) return "";
  return outcomes.find(({ outcome }) => ["failed", "unknown"].includes(outcome))?.message ?? "";
}
