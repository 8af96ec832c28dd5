// Says what can't be seen in a value while it is typed or pasted. For edit mode and for lists.

import { Row } from "./row.js";

const FIELDS = ".edit-row :is(input, textarea, select)";

// A press on a button takes the focus from the field. What appears then would move the button away
// before it is released, and nothing would be clicked.
let pressed = false;

// While someone types a text, a space at its end is no news. What was pasted is, and a line break.
function isTyping({ inputType, data }) {
  return inputType?.startsWith("delete") || inputType === "insertCompositionText" || data?.length === 1;
}

/** Show remarks on the values typed in `root`, unless `saving()`. */
export function startRemarks(root, saving) {
  root.addEventListener("input", (event) => {
    if (!event.target.matches(FIELDS)) return;
    const row = Row.of(event.target);
    row.edited();
    if (!(event.target.matches("textarea") && isTyping(event))) row.showUnseen();
  });
  root.addEventListener("change", (event) => {
    if (!event.target.matches(".edit-row textarea")) return;
    const show = () => saving() || (event.target.isConnected && Row.of(event.target).showUnseen());
    if (pressed) document.addEventListener("pointerup", () => setTimeout(show), { once: true });
    else show();
  });
}

document.addEventListener("pointerdown", () => (pressed = true), { capture: true });
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => (pressed = false), { capture: true });
}
