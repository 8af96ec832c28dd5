// Values of self-managed hosting: forms are sent without leaving the page, so a refused value stays in its field.

import { element } from "./elements.js";
import { toggleValue } from "./eye.js";
import { forgetOnLeave } from "./forget.js";
import { post } from "./http.js";
import { localTimes } from "./times.js";

const page = document.getElementById("hosting");
const toasts = document.getElementById("toasts");

function showProblem(form, text) {
  const field = form.querySelector("textarea");
  form.querySelector(".problem")?.remove();
  const note = element("p", "problem", text);
  note.id = `problem-${form.dataset.send}`;
  note.setAttribute("role", "alert");
  form.append(note);
  field?.setAttribute("aria-invalid", "true");
  field?.setAttribute("aria-describedby", note.id);
  (field ?? form.querySelector("button")).focus();
}

function replaceRows(answer) {
  const rows = answer.querySelector(".hosting-rows");
  const old = document.getElementById(rows.id);
  old.replaceWith(document.adoptNode(rows));
  localTimes(rows);
  const toast = answer.querySelector(".toast");
  htmx.trigger(toasts.appendChild(document.adoptNode(toast)), "htmx:load");
  return rows;
}

async function send(form) {
  if (form.inert) return;
  form.inert = true;
  const { ok, page: answer, problem } = await post(form.action, new URLSearchParams(new FormData(form)));
  form.inert = false;
  if (!ok || !answer?.querySelector(".hosting-rows")) return showProblem(form, problem);
  form.closest(".toast")?.remove();
  const rows = replaceRows(answer);
  if (!form.isConnected) return rows.focus({ preventScroll: true });
  form.querySelector(".problem")?.remove();
  form.reset();
  form.querySelector("textarea")?.removeAttribute("aria-invalid");
  form.querySelector('[name="key"]')?.focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches('#hosting [data-send], #toasts form[action$="/restore/"]')) return;
  event.preventDefault();
  send(form);
});

page.addEventListener("click", (event) => {
  const eye = event.target.closest("td > .eye");
  if (!eye) return;
  event.preventDefault();
  toggleValue(eye);
});

forgetOnLeave(() => page.querySelectorAll("textarea"));
