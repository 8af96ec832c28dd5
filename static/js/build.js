// The build settings editor: shows the cursor position, jumps to lines, guards unsaved text.

const field = document.getElementById("text");
const where = document.getElementById("where");

function showPosition() {
  const before = field.value.slice(0, field.selectionStart);
  const line = before.split("\n").length;
  where.textContent = `Line ${line}, column ${before.length - before.lastIndexOf("\n")}.`;
}

function goToLine(number) {
  const lines = field.value.split("\n");
  const start = lines.slice(0, number - 1).reduce((length, line) => length + line.length + 1, 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
  field.scrollTop = (number - 4) * parseFloat(getComputedStyle(field).lineHeight);
}

function guard() {
  // A page with errors contains text that was posted, but not saved.
  const posted = field.getAttribute("aria-invalid") || document.querySelector(".build-form .alert");
  const saved = posted ? null : field.value;
  let leaving = false;
  field.form.addEventListener("submit", () => { leaving = true; });
  addEventListener("beforeunload", (event) => {
    if (!leaving && field.value !== saved) event.preventDefault();
  });
}

if (field) {
  for (const name of ["input", "click", "keyup", "select"]) field.addEventListener(name, showPosition);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    goToLine(Number(link.dataset.line));
  });
  showPosition();
  guard();
}
