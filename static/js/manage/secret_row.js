// A secret's row: its value is not in the page until someone reveals it.

import { hideLater, hideNow, isOpen, reveal } from "../reveal.js";
import { Row } from "./row.js";

const DOTS = "••••••••";
const SECONDS = 30; // that a value stays visible
const EMPTY = "Leave the value empty to keep the secret unchanged. To remove it, use Remove.";

export class SecretRow extends Row {
  noun = "secret";
  #stored = null; // the revealed value, to detect changes; cleared when it is hidden

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
    const { value, problem, hint, remark } = await reveal(this.eye.formAction);
    this.eye.ariaBusy = null;
    if (hint) this.note("hint", hint);
    if (problem) this.note("failed", problem);
    if (problem || hint || this.value.value !== "") return !problem && !hint;
    this.value.value = value;
    if (remark) this.note("unseen", remark);
    this.#stored = this.value.value; // as the textarea returns it, with normalized line endings
    return true;
  }

  #hideSoon() {
    hideLater(this, SECONDS, () => {
      if (this.value.value === this.#stored) this.value.value = "";
      this.#stored = null;
      this.#unmask(false);
      this.element.querySelector(".note.unseen")?.remove();
      this.showDirty();
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

  /** Show or clear the "Saved" placeholder. */
  showSaved(saved) {
    this.element.classList.toggle("saved", saved);
    this.value.placeholder = saved ? "Saved" : this.isNew ? "" : DOTS;
  }

  /** Mark the row as saved; the next save is based on `base`. */
  saved(base) {
    this.reset(base);
    this.showSaved(true);
  }

  /** Discard what was typed in favor of the stored value. */
  keepTheirs({ base }) {
    this.reset(base);
  }

  replaceWith(fresh) {
    hideNow(this); // the visible value is no longer the one a save would replace
    super.replaceWith(fresh);
  }
}
