// A secret's own page: hide a value that came with the page after some seconds.

import { startCopyingSecrets } from "./copy_as.js";
import { hideLater } from "./reveal.js";

startCopyingSecrets();

const output = document.querySelector("output.value");

if (output) {
  const note = document.getElementById("value-note");
  const seconds = Number(output.dataset.seconds);
  note.textContent = `The value is hidden after ${seconds} seconds.`;
  hideLater(output, seconds, () => {
    document.querySelector(".remark")?.remove();
    output.closest(".copyable").remove();
    note.textContent = "The value is hidden.";
  });
}
