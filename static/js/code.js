// Check code: tell at once that a zip is too large, and that it is being read.

const form = document.getElementById("code-form");
const field = form.querySelector('[type="file"]');
const button = form.querySelector('[type="submit"]');
const status = document.getElementById("code-status");

field.addEventListener("change", () => {
  const most = Number(field.dataset.max);
  const isTooLarge = [...field.files].some((file) => file.size > most);
  field.setCustomValidity(
    isTooLarge ? `This file has more than ${most.toLocaleString("en")} bytes. Leave out images, packages and build output.` : "",
  );
  if (isTooLarge) field.reportValidity();
});

form.addEventListener("submit", (event) => {
  if (button.getAttribute("aria-busy")) {
    event.preventDefault();
    return;
  }
  button.setAttribute("aria-busy", "true");
  status.textContent = "Reading the zip. This takes at most 20 seconds.";
});

// The browser may show this page again as it was when it was left.
addEventListener("pageshow", () => {
  button.removeAttribute("aria-busy");
  status.textContent = "";
});
