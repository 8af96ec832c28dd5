// Revealed values: asked for one at a time, shown for some seconds, kept nowhere else.

import { post } from "./http.js";

const HIDDEN_TAB = 10000; // milliseconds a tab may be out of sight with a value in it
const open = new Map(); // what shows a value -> [how to hide it, its timer]
let leaving = 0;

/**
 * Ask for the value behind `url`; returns { value, seconds } or { problem }, with it `link` where one
 * has to confirm first that it is him.
 */
export async function reveal(url) {
  const { page, problem } = await post(url);
  const output = page?.querySelector("output.value");
  if (!output) return { problem, link: page?.querySelector("a.confirm") };
  return { value: output.textContent, seconds: Number(output.dataset.seconds) || 30 };
}

/** Call `hide` after `seconds`, or earlier when the page is left. */
export function hideLater(holder, seconds, hide) {
  forget(holder);
  open.set(holder, [hide, setTimeout(() => hideNow(holder), seconds * 1000)]);
}

/** Hide what `holder` shows. */
export function hideNow(holder) {
  const [hide] = open.get(holder) ?? [];
  forget(holder);
  hide?.();
}

/** Say whether `holder` shows a value. */
export function isOpen(holder) {
  return open.has(holder);
}

function forget(holder) {
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
