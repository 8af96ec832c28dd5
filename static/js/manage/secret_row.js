// A secret's row: its value is not in the page until somebody reveals it.

import { hideLater, hideNow, isOpen, reveal } from "../reveal.js";
import { Row } from "./row.js";

const DOTS = "••••••••";
const SECONDS = 30; // a typed value stays readable
const EMPTY = "An empty value leaves the secret as it is. To remove it, use Remove.";

export class SecretRow extends Row {
  noun = "secret";
  #stored = null; // the revealed value, to tell whether it was changed; gone once it is hidden

  constructor(element) {
    super(element);
    this.eye = element.querySelector(".eye");
  }

  get changed() {
    return this.value.value !== "" && this.value.value !== this.#stored;
  }

  get held() {
    return super.held || isOpen(this);
  }

  edited() {
    super.edited();
    if (isOpen(this)) this.#hideSoon();
    if (this.#stored !== null && this.value.value === "") this.note("hint", EMPTY);
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
    const { value, problem, link } = await reveal(this.eye.formAction);
    this.eye.ariaBusy = null;
    const note = problem && this.note("failed", problem);
    if (note && link) note.append(document.adoptNode(link));
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
    hideNow(this);
    super.toggleRemoval();
  }

  clear() {
    hideNow(this);
    this.value.value = "";
    this.#stored = null;
  }

  /** Say in the empty field that its value is saved, or stop saying so. */
  showSaved(saved) {
    this.element.classList.toggle("saved", saved);
    this.value.placeholder = saved ? "Saved" : this.isNew ? "" : DOTS;
  }

  /** Take note that it is saved, and what the next save is based on. */
  saved(base) {
    this.reset(base);
    this.showSaved(true);
  }

  /** Give up what was typed for what is there. */
  keepTheirs({ base }) {
    this.reset(base);
  }

  takeOver(fresh, base) {
    hideNow(this); // what is shown is not what a save would now replace
    this.baseField.value = base;
  }
}
