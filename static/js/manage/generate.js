// Random values, made in the browser. Nothing of them is kept but what is in the field.

import { Row } from "./row.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const ALPHABETS = {
  "Letters and digits": LETTERS + DIGITS,
  "Letters, digits, symbols": `${LETTERS + DIGITS}!#%*+,-./:;=?@^_~`, // none that shells, .env or URLs' quotes end
  "No look-alikes": [...(LETTERS + DIGITS)].filter((it) => !"0OoIl1".includes(it)).join(""),
  "Base64 for URLs": `${LETTERS + DIGITS}-_`,
  Hexadecimal: `${DIGITS}abcdef`,
};
const SHORTEST = 8;
const LONGEST = 4096;
const chosen = { length: 32, alphabet: "Letters and digits" }; // until the page is left

/** Return `length` characters, each of which is as likely as any other of the alphabet. */
export function random(length, alphabet) {
  // A remainder of all bytes would prefer the first characters, so bytes beyond the last whole multiple don't count.
  const limit = 256 - (256 % alphabet.length);
  let text = "";
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(1024))) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}

/** Return a random value of the length and alphabet that were chosen last. */
export const randomValue = () => random(chosen.length, ALPHABETS[chosen.alphabet]);

const bits = () => Math.floor(chosen.length * Math.log2(ALPHABETS[chosen.alphabet].length));

function labeled(text, field) {
  const label = document.createElement("label");
  label.className = "inline-field";
  label.append(Object.assign(document.createElement("span"), { textContent: text }), field);
  return label;
}

function lengthField() {
  const field = document.createElement("input");
  Object.assign(field, { type: "number", min: SHORTEST, max: LONGEST, value: chosen.length });
  field.setAttribute("form", ""); // what is wrong in it must not hold up a save
  return field;
}

function alphabetField() {
  const field = document.createElement("select");
  for (const name of Object.keys(ALPHABETS)) field.add(new Option(name, name, false, name === chosen.alphabet));
  return field;
}

// The note's fields are not the row's: what they hear doesn't change it, and Enter doesn't save it.
function keepApart(note) {
  for (const name of ["input", "change", "keydown"]) {
    note.addEventListener(name, (event) => event.key === "Escape" || event.stopPropagation());
  }
}

function fill(row) {
  row.value.value = random(chosen.length, ALPHABETS[chosen.alphabet]);
  row.value.dispatchEvent(new Event("input", { bubbles: true }));
}

function generate(row) {
  const summary = () => `Generated ${chosen.length} characters, ${bits()} bits.`;
  fill(row);
  row.value.focus();
  if (row.element.querySelector(".note.conflict")) return; // which asks something
  const note = row.note("generated", summary());
  const length = lengthField();
  const alphabet = alphabetField();
  note.append(labeled("Length", length), labeled("Characters", alphabet));
  keepApart(note);
  note.addEventListener("change", () => {
    const wanted = Math.min(Math.max(Math.round(length.valueAsNumber) || chosen.length, SHORTEST), LONGEST);
    length.value = wanted;
    if (wanted === chosen.length && alphabet.value === chosen.alphabet) return;
    Object.assign(chosen, { length: wanted, alphabet: alphabet.value });
    row.value.value = random(chosen.length, ALPHABETS[chosen.alphabet]);
    row.showDirty();
    note.firstElementChild.textContent = summary();
  });
}

/** Let the buttons in `root` fill the field beside them. */
export function startGenerating(root) {
  root.addEventListener("click", ({ target }) => {
    const button = target.closest(".edit-row .generate");
    if (button) generate(Row.of(button));
  });
}
