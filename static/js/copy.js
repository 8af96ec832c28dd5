// Copy buttons: each copies the text next to it. Values are read on click and not kept.

const DURATION = 1500; // milliseconds
const NO_CLIPBOARD = "The browser doesn't let this page copy. Open the row's page, and copy from there.";

function showResult(button, done) {
  const label = button.getAttribute("aria-label");
  if (button.classList.contains("copied")) return;
  const use = button.querySelector("use");
  button.classList.toggle("copied", done);
  button.setAttribute("aria-label", done ? "Copied" : "Press Ctrl+C to copy");
  use.setAttribute("href", done ? "#i-check" : "#i-warn");
  setTimeout(() => {
    button.classList.remove("copied");
    button.setAttribute("aria-label", label);
    use.setAttribute("href", "#i-copy");
  }, DURATION);
}

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

/** Copy `text` and show the result on `button`. If copying is not allowed, select `source`. */
export async function copy(button, text, source) {
  try {
    await navigator.clipboard.writeText(text); // only available over HTTPS and on localhost
    showResult(button, true);
  } catch {
    if (source) select(source);
    showResult(button, false);
  }
}

/**
 * Copy the value of an answer that is still on its way. Resolves to the answer, or to { problem }.
 *
 * Safari allows a page to copy only in the moment of a press, so the clipboard gets the promise.
 */
export async function copyPromised(answer) {
  if (!navigator.clipboard?.write) return { problem: NO_CLIPBOARD };
  const text = answer.then(({ value }) => {
    if (value === undefined) throw new Error("nothing to copy");
    return new Blob([value], { type: "text/plain" });
  });
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    return await answer;
  } catch {
    const { problem, hint } = await answer;
    return hint ? { hint } : { problem: problem ?? NO_CLIPBOARD };
  }
}

export function startCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copyable .copy");
    if (!button) return;
    const source = button.closest(".copyable").querySelector(".copy-text");
    copy(button, source.textContent, source);
  });
}
