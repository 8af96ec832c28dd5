// A secret's own page: a value that it was sent with is hidden again by itself.

import { hideLater } from "./reveal.js";

const output = document.querySelector("output.value");

if (output) {
  const note = document.getElementById("value-note");
  const seconds = Number(output.dataset.seconds);
  note.textContent = `Hidden again in ${seconds} seconds.`;
  hideLater(output, seconds, () => {
    output.closest(".copyable").remove();
    note.textContent = "The value is hidden again.";
  });
}
