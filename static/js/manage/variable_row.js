// A variable's row. Its value is in the page, and a base can have overrides on branches.

import { Row } from "./row.js";

export class VariableRow extends Row {
  noun = "variable";
  overrides = ""; // what happens to them when their base is removed: "keep" or "remove"

  get isOverride() {
    return this.element.classList.contains("override");
  }

  get changed() {
    return this.renamed || this.value.value !== this.value.defaultValue;
  }

  get renamed() {
    return Boolean(this.key) && this.key.value !== this.key.defaultValue;
  }

  get filled() {
    return (this.isOverride && !this.isOffered) || super.filled;
  }

  get rank() {
    return this.renamed && !this.isNew && !this.removing ? 2 : super.rank;
  }

  addTo(request) {
    super.addTo(request);
    if (!this.removing) return;
    const seen = this.element.querySelector('input[name^="seen-"]')?.value ?? "";
    request.append(`overrides-${this.token}`, this.overrides);
    request.append(`seen-${this.token}`, seen);
  }

  showRemoval(removing) {
    const button = this.element.querySelector(".remove");
    const whole = button.closest(".row-menu") ? "Remove variable" : "Remove";
    button.querySelector("span").textContent = removing ? "Undo" : whole;
    button.querySelector("use").setAttribute("href", removing ? "#i-undo" : "#i-bin");
    if (this.key) this.key.disabled = removing;
  }

  clear() {
    this.value.value = this.value.defaultValue;
    if (this.key) this.key.value = this.key.defaultValue;
  }

  saved(base) {
    for (const field of [this.key, this.value]) if (field) field.defaultValue = field.value;
    if (!this.isNew) this.reset(base);
    this.showSaved(true);
  }

  /** Keep showing the values of a new row that was saved. */
  finish() {
    for (const field of [this.key, this.value]) field.defaultValue = field.value;
    super.finish();
  }

  /** Show or clear that the row was saved. */
  showSaved(saved) {
    this.element.classList.toggle("saved", saved);
  }

  keepTheirs({ base, theirs }) {
    this.value.defaultValue = theirs;
    this.reset(base);
  }
}
