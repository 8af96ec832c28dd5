// The recycle bin: Escape cancels the question below a row, and the focus goes back to its button.

let back = "";

document.addEventListener("click", (event) => {
  back = event.target.closest(".ask .cancel")?.dataset.back ?? "";
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.target.closest("#bin")?.querySelector(".ask .cancel")?.click();
});

document.addEventListener("htmx:afterSettle", () => {
  if (back) document.getElementById(back)?.focus();
  back = "";
});
