// "Copy as": a value, a line of .env, code, a command, or a path. What shows a value is a reveal.

import { copyPromised } from "./copy.js";
import { reveal } from "./reveal.js";
import { toast } from "./toast.js";

const AGAIN = "Your identity is confirmed. Copy it again.";
const WORDS = {
  value: "the value of",
  line: "the .env line of",
  code: "the code for",
  command: "the command that prints",
  path: "the parameter path of",
};

// Attributes of the menu say what doesn't need a request.
function known(kind, { key, path, command }, code) {
  return { path, command, code: code(key) }[kind];
}

/**
 * Copy what the buttons in menus say. `fetchText(address, kind)` resolves to { value }, { problem } or
 * { hint }, where `kind` is "value" or "line"; `code(key)` is how code reads the key. A menu is an element
 * with data-key, data-address and, if there are any, data-path and data-command.
 */
export function startCopyingAs(fetchText, code) {
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest(".row-menu [data-copy]");
    if (!button) return;
    const menu = button.closest(".row-menu");
    const { dataset } = menu;
    const kind = button.dataset.copy;
    menu.open = false;
    menu.querySelector("summary").focus();
    const text = known(kind, dataset, code);
    const answer = text === undefined ? fetchText(dataset.address, kind) : Promise.resolve({ value: text });
    const { problem, hint } = await copyPromised(answer);
    if (hint) toast(AGAIN);
    else if (problem) toast(problem, "error");
    else toast(`Copied ${WORDS[kind]} ${dataset.key}.`, "success");
  });
}

/** The same for secrets. */
export function startCopyingSecrets() {
  startCopyingAs(
    (address, kind) => reveal(`${address}reveal/`, new URLSearchParams(kind === "line" ? { as: "line" } : {})),
    (key) => `secret('${key}')`,
  );
}
