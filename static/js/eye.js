// The eye in a row of a list reveals the row's value in its cell.

import { copy } from "./copy.js";
import { element, icon } from "./elements.js";
import { hideLater, hideNow, isOpen, reveal } from "./reveal.js";

function copyButton(name, value) {
  const button = element("button", "icon-button copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy the value of ${name}`);
  button.append(icon("copy"));
  button.addEventListener("click", () => copy(button, value.textContent, value));
  return button;
}

function showNote(cell, { problem, hint }) {
  const text = element("p", problem ? "problem" : "hint", problem ?? hint);
  text.setAttribute("role", "alert");
  cell.append(text);
}

function show(cell, eye, name, { value, seconds, remark }) {
  const code = element("code", "value", value);
  code.tabIndex = 0; // long values scroll
  code.setAttribute("aria-label", `Value of ${name}`);
  const button = copyButton(name, code);
  const note = element("span", "sub", remark);
  const dots = cell.querySelector(".dots");
  dots.after(code, button, note);
  dots.hidden = true;
  setEye(eye, true, name);
  hideLater(eye, seconds, () => {
    code.remove();
    button.remove();
    note.remove();
    dots.hidden = false;
    setEye(eye, false, name);
  });
}

function setEye(eye, shown, name) {
  eye.setAttribute("aria-label", `${shown ? "Hide" : "Reveal"} ${name}`);
  eye.querySelector("use").setAttribute("href", shown ? "#i-eye-off" : "#i-eye");
}

/** Reveal the value of an eye's row, or hide it. The eye has the address, and a name and value to post. */
export async function toggleValue(eye) {
  if (isOpen(eye)) return hideNow(eye);
  if (eye.ariaBusy === "true") return;
  const cell = eye.closest("td");
  const name = eye.closest("tr").querySelector(".key").textContent;
  cell.querySelector(".problem, .hint")?.remove();
  eye.ariaBusy = "true";
  const answer = await reveal(eye.formAction, eye.name ? new URLSearchParams({ [eye.name]: eye.value }) : undefined);
  eye.ariaBusy = null;
  if (answer.problem || answer.hint) showNote(cell, answer);
  else if (eye.isConnected) show(cell, eye, name, answer);
}
