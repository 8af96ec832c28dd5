// What is said about a typed value: characters that nobody can see, and what may go wrong. The server
// has the rules, and sends them along (console/environment/typed_values.py).

import { hostRule } from "./hosts.js";

const data = document.querySelector("[data-unseen]")?.dataset.unseen;
const { rules: sent = [], limit = Infinity, unit = "", nearlyFull = 1, hosts } = data ? JSON.parse(data) : {};
const namedBy = hosts && hostRule(hosts);
const rules = sent.map(([pattern, words, instead, flags = ""]) => ({
  pattern: new RegExp(pattern, `gu${flags}`),
  words,
  instead,
}));

/**
 * Return { remark, cleaned }: a sentence or "", and the value without what can be left out.
 * `scope` is the id of the branch, as text.
 */
export function unseen(value, key, scope) {
  const found = rules.filter(({ pattern }) => value.search(pattern) >= 0).map(({ words }) => words);
  const size = unit === "bytes" ? new TextEncoder().encode(value).length : [...value].length;
  if (limit * nearlyFull <= size && size <= limit) {
    found.push(`has ${size.toLocaleString("en")} of at most ${limit.toLocaleString("en")} ${unit}`);
  }
  const other = scope === hosts?.production ? namedBy?.(key, value) : "";
  if (other) found.push(`has a host that names ${other}`);
  if (!found.length) return { remark: "", cleaned: value };
  return { remark: `The value ${found.join(", ")}.`, cleaned: clean(value) };
}

// Until nothing is left: a space can stand before a line break at the end.
function clean(value) {
  let cleaned = value;
  for (const { pattern, instead } of rules) {
    if (instead !== null) cleaned = cleaned.replaceAll(pattern, instead);
  }
  return cleaned === value ? cleaned : clean(cleaned);
}
