// Open the import preview when a .env or JSON file is pasted outside a value field.

import { toast } from "./toast.js";

const form = document.getElementById("paste");
const FILE = /^\s*\{|^\s*(export\s+)?[\w.-]+\s*=/m;

function isFile(text, field) {
  if (!FILE.test(text)) return false;
  // Values can have any text, including several lines. Names are one line.
  return !field?.matches("textarea") && (!field || text.trim().includes("\n"));
}

document.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text") ?? "";
  const field = event.target.closest("input, textarea, select");
  if (!form || !isFile(text, field)) return;
  event.preventDefault();
  if (document.querySelector(".edit-row.dirty")) {
    return toast("Save or cancel your changes first, then paste the file again.", "warning");
  }
  form.elements.text.value = text;
  form.requestSubmit();
});
