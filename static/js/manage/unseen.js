// Characters in a typed value that nobody can see. The server has the rules, and sends them along.

const rules = JSON.parse(document.querySelector("[data-unseen]")?.dataset.unseen ?? "[]").map(
  ([pattern, words, instead]) => ({ pattern: new RegExp(pattern, "gu"), words, instead }),
);

/** Return { remark, cleaned }: a sentence or "", and the value without what can be left out. */
export function unseen(value) {
  const found = rules.filter(({ pattern }) => value.search(pattern) >= 0);
  if (!found.length) return { remark: "", cleaned: value };
  const remark = `The value ${found.map(({ words }) => words).join(", ")}.`;
  return { remark, cleaned: clean(value) };
}

// Until nothing is left: a space can stand before a line break at the end.
function clean(value) {
  let cleaned = value;
  for (const { pattern, instead } of rules) {
    if (instead !== null) cleaned = cleaned.replaceAll(pattern, instead);
  }
  return cleaned === value ? cleaned : clean(cleaned);
}
