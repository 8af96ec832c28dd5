// Short messages. Errors and warnings stay until they are closed.

const DURATION = 8000; // milliseconds
const area = document.getElementById("toasts");

function fade(toast) {
  if (toast.classList.contains("error") || toast.classList.contains("warning")) return;
  setTimeout(function leave() {
    if (toast.matches(":hover, :focus-within")) setTimeout(leave, 1000);
    else toast.remove();
  }, DURATION);
}

function removeOthers(text, kept = null) {
  for (const shown of [...area.children]) {
    if (shown !== kept && shown.querySelector("p").textContent === text) shown.remove();
  }
}

/** Show `text`; `kind` is info, success, warning or error. */
export function toast(text, kind = "info") {
  removeOthers(text);
  const element = document.getElementById("toast-new").content.firstElementChild.cloneNode(true);
  element.className = `toast ${kind}`;
  element.querySelector("p").textContent = text;
  area.append(element);
  fade(element);
}

export function startToasts() {
  for (const shown of area.children) fade(shown);
  document.addEventListener("htmx:load", ({ target }) => {
    if (target.parentElement !== area) return;
    removeOthers(target.querySelector("p").textContent, target);
    fade(target);
  });
  area.addEventListener("click", (event) => {
    if (!event.target.closest("a.icon-button")) return;
    event.preventDefault();
    event.target.closest(".toast").remove();
    document.getElementById("main").focus({ preventScroll: true }); // not lost with the button
  });
}
