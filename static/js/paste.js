// A .env or JSON file that is pasted beside the fields goes to the preview of what it would change.

import { toast } from "./toast.js";

const form = document.getElementById("paste");
const FILE = /^\s*\{|^\s*(export\s+)?[\w.-]+\s*=/m;

function isFile(text, field) {
  if (!FILE.test(text)) return false;
  // A value may be anything, also many lines; a name is one word.
  return !field?.matches("textarea") && (!field || text.trim().includes("\n"));
}

document.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text") ?? "";
  const field = event.target.closest("input, textarea, select");
  if (!form || !isFile(text, field)) return;
  event.preventDefault();
  if (document.querySelector(".edit-row.dirty")) {
    return toast("Save or cancel your changes first. Then paste the file again.", "warning");
  }
  form.elements.text.value = text;
  form.requestSubmit();
});
