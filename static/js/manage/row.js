// A row of the edit mode: what was typed, whether it differs, how its save ended.

import { hideLater, hideNow, isOpen, reveal } from "../reveal.js";

const DOTS = "••••••••";
const SECONDS = 30; // a typed value stays readable
const EMPTY = "An empty value leaves the secret as it is. To remove it, use Remove.";
const MEANWHILE = "This secret was changed meanwhile. When you save, you are asked which to keep.";
const known = new WeakMap();

export class Row {
  #stored = null; // the revealed value, to tell whether it was changed; gone once it is hidden
  done = false; // a new row that is saved

  /** Return the Row of `element` or of what it stands in. */
  static of(element) {
    const top = element.closest(".edit-row");
    if (!known.has(top)) known.set(top, new Row(top));
    return known.get(top);
  }

  constructor(element) {
    this.element = element;
    this.isNew = this.token.startsWith("new-");
    this.value = element.querySelector("textarea");
    this.key = element.querySelector("input.mono");
    this.branch = element.querySelector("select");
    this.eye = element.querySelector(".eye");
    this.baseField = element.querySelector('input[type="hidden"]');
  }

  get token() {
    return this.element.dataset.token;
  }

  get base() {
    return this.baseField?.value ?? "";
  }

  get removing() {
    return this.element.classList.contains("removing");
  }

  get dirty() {
    if (this.done) return false;
    if (this.isNew) return this.key.value !== "" || this.value.value !== "";
    return this.removing || (this.value.value !== "" && this.value.value !== this.#stored);
  }

  /** Whether something in it would be lost or jump if the row were swapped now. */
  get held() {
    return this.dirty || isOpen(this) || this.element.contains(document.activeElement);
  }

  /** Add what is to be posted of this row. */
  addTo(fields) {
    const { token } = this;
    if (this.isNew) {
      fields.append(`${token}-key`, this.key.value);
      fields.append(`${token}-value`, this.value.value);
      fields.append(`${token}-branch`, this.branch.value);
      fields.append(`${token}-base`, this.base);
      return;
    }
    fields.append(`base-${token}`, this.base);
    if (this.removing) fields.append(`remove-${token}`, "on");
    else fields.append(`value-${token}`, this.value.value);
  }

  /** React to typing. */
  edited() {
    this.showSaved(false);
    if (isOpen(this)) this.#hideSoon();
    if (!this.element.querySelector(".note.conflict")) this.clearNote();
    if (this.#stored !== null && this.value.value === "") this.note("hint", EMPTY);
    this.mark();
  }

  mark() {
    this.element.classList.toggle("dirty", this.dirty);
  }

  async toggleValue() {
    if (isOpen(this)) return hideNow(this);
    if (this.value.value === "" && !this.isNew && !(await this.#fetchValue())) return;
    this.#unmask(true);
    this.#hideSoon();
  }

  async #fetchValue() {
    if (this.eye.ariaBusy === "true") return false;
    this.eye.ariaBusy = "true";
    const { value, problem } = await reveal(this.eye.formAction);
    this.eye.ariaBusy = null;
    if (problem) this.note("failed", problem);
    if (problem || this.value.value !== "") return !problem;
    this.value.value = value;
    this.#stored = this.value.value; // as the text area gives it back, with its line ends
    return true;
  }

  #hideSoon() {
    hideLater(this, SECONDS, () => {
      if (this.value.value === this.#stored) this.value.value = "";
      this.#stored = null;
      this.#unmask(false);
      this.mark();
    });
  }

  #unmask(shown) {
    this.value.classList.toggle("masked", !shown);
    this.eye?.setAttribute("aria-label", shown ? "Hide the value" : "Show the value");
    this.eye?.querySelector("use").setAttribute("href", shown ? "#i-eye-off" : "#i-eye");
  }

  toggleRemoval() {
    const removing = this.element.classList.toggle("removing");
    const button = this.element.querySelector(".remove");
    hideNow(this);
    this.value.disabled = removing;
    button.lastChild.textContent = removing ? "Undo" : "Remove";
    button.querySelector("use").setAttribute("href", removing ? "#i-undo" : "#i-bin");
    if (removing) this.note("removing", "Is removed when you save.");
    else this.clearNote();
    this.mark();
  }

  /** Forget what was typed. */
  reset(base = this.base) {
    hideNow(this);
    if (this.removing) this.toggleRemoval();
    this.value.value = "";
    this.#stored = null;
    if (this.baseField) this.baseField.value = base;
    this.clearNote();
    this.mark();
  }

  /** Say in the empty field that its value is saved, or stop saying so. */
  showSaved(saved) {
    this.element.classList.toggle("saved", saved);
    this.value.placeholder = saved ? "Saved" : this.isNew ? "" : DOTS;
  }

  /** Freeze a new row that is saved: from now on it is one of the list. */
  finish() {
    this.reset();
    this.done = true;
    for (const field of this.element.querySelectorAll("input, textarea, select, button")) {
      field.disabled = true;
    }
    this.mark();
  }

  /** Take over what a check against the store brought, without losing what was typed. */
  learn(fresh) {
    const base = fresh.querySelector('input[type="hidden"]')?.value;
    if (!base || base === this.base) return;
    if (!this.dirty) hideNow(this); // what is shown is not what a save would now replace
    if (this.dirty) this.note("meanwhile", MEANWHILE);
    else this.baseField.value = base;
  }

  /** Say `text` below the row and tie it to `field` ("key", "value" or "branch"). */
  note(kind, text, field = "") {
    this.clearNote();
    const note = document.createElement("div");
    const words = document.createElement("p");
    note.className = `note ${kind}`;
    note.id = `m-${this.token}`;
    words.textContent = text;
    note.append(words);
    this.element.append(note);
    const target = this[field] ?? this.value;
    target.setAttribute("aria-describedby", note.id);
    if (field) target.setAttribute("aria-invalid", "true");
    return note;
  }

  clearNote() {
    this.element.querySelector(".note")?.remove();
    for (const field of this.element.querySelectorAll("[aria-describedby]")) {
      field.removeAttribute("aria-describedby");
      field.removeAttribute("aria-invalid");
    }
  }

  /** Put the focus where the row needs it. */
  focus() {
    const invalid = this.element.querySelector('[aria-invalid="true"]');
    (invalid ?? this.key ?? this.value).focus();
  }
}
