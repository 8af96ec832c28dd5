// Revealed values: fetched one at a time, shown for some seconds, never stored.

import { AGAIN, confirmIdentity } from "./confirm.js";
import { post } from "./http.js";


const HIDDEN_TAB = 10000; // milliseconds until a hidden tab hides its values
const open = new Map(); // element or row that shows a value -> [function to hide it, timer]
let leaving = 0;

/**
 * Fetch the value at `url`, in the form that `fields` ask for. Returns { value, seconds, remark }, or { problem }, or { hint } if the
 * user had to confirm their identity first: a reveal needs its own press. `remark` says what can't be
 * seen in the value.
 */
export async function reveal(url, fields) {
  const { page, problem } = await post(url, fields);
  const output = page?.querySelector("output.value");
  if (output) {
    const remark = page.querySelector(".remark")?.textContent ?? "";
    return { value: output.textContent, seconds: Number(output.dataset.seconds) || 30, remark };
  }
  if (page?.querySelector("a.confirm") && (await confirmIdentity())) return { hint: AGAIN };
  return { problem };
}

/** Call `hide` after `seconds`, or earlier if the page is left. */
export function hideLater(holder, seconds, hide) {
  close(holder);
  open.set(holder, [hide, setTimeout(() => hideNow(holder), seconds * 1000)]);
}

/** Hide the value that `holder` shows. */
export function hideNow(holder) {
  const [hide] = open.get(holder) ?? [];
  close(holder);
  hide?.();
}

/** Return true if `holder` shows a value. */
export function isOpen(holder) {
  return open.has(holder);
}

function close(holder) {
  clearTimeout(open.get(holder)?.[1]);
  open.delete(holder);
}

function hideAll() {
  for (const holder of [...open.keys()]) hideNow(holder);
}

addEventListener("pagehide", hideAll);
document.addEventListener("visibilitychange", () => {
  clearTimeout(leaving);
  if (document.hidden) leaving = setTimeout(hideAll, HIDDEN_TAB);
});
