// A row in edit mode: what was typed, whether it differs, and the outcome of its save.
// Each page extends this class.

import { button, element } from "../elements.js";
import { unseen } from "./unseen.js";

const CHANGED = "was changed after you opened this page. When you save, you can choose which value to keep.";
const known = new WeakMap();

// A base is "version" or "version:revision". The revision tells apart two parameters with the same
// version (ABA). It is negative until a check against the store has seen the parameter, and then
// can't be compared with a positive one.
function same(base, other) {
  const [version, revision = 0] = base.split(":");
  const [otherVersion, otherRevision = 0] = other.split(":");
  return version === otherVersion && (revision === otherRevision || Math.sign(revision) !== Math.sign(otherRevision));
}

let kind = null;

export class Row {
  done = false; // a new row that was saved
  withoutCopy = false; // remove it even if no copy is kept in the recycle bin

  /** Set the class of this page's rows. */
  static use(subclass) {
    kind = subclass;
  }

  /** Return the Row that contains `element`. */
  static of(element) {
    const top = element.closest(".edit-row");
    if (!known.has(top)) known.set(top, new kind(top));
    return known.get(top);
  }

  constructor(element) {
    this.element = element;
    this.isNew = this.token.startsWith("new-");
    this.value = element.querySelector("textarea");
    this.key = element.querySelector("input.mono");
    this.branch = element.querySelector("select");
    this.baseField = element.querySelector('input[type="hidden"][name*="base"]');
  }

  get token() {
    return this.element.dataset.token;
  }

  get base() {
    return this.baseField?.value ?? "";
  }

  get name() {
    return this.key?.value ?? this.element.querySelector(".key").textContent;
  }

  /** The id of the branch, "" for All branches. */
  get scope() {
    return this.branch?.value ?? this.element.dataset.scope;
  }

  get removing() {
    return this.element.classList.contains("removing");
  }

  get dirty() {
    if (this.done) return false;
    return this.isNew ? this.filled : this.removing || this.changed;
  }

  /** True for an override that is offered beside its base. */
  get isOffered() {
    return this.element.classList.contains("offered");
  }

  /** True if something was typed into a new row. An offered override has its key already. */
  get filled() {
    if (this.value.value !== "") return true;
    return this.isOffered ? this.#choseBranch : this.key.value !== "";
  }

  get #choseBranch() {
    const options = [...this.branch.options];
    const first = options.find((option) => option.defaultSelected) ?? options[0];
    return this.branch.selectedOptions[0] !== first;
  }

  /** True if replacing the row now would lose input or focus. */
  get held() {
    return this.dirty || this.element.contains(document.activeElement);
  }

  /** Order of saving: rows that free a name come before rows that take it. */
  get rank() {
    return this.removing ? 0 : this.isNew ? 3 : 1;
  }

  /** The fields that the row posts. The checkbox is only for pages without JavaScript. */
  get fields() {
    return [...this.element.querySelectorAll('[name]:not([type="checkbox"])')];
  }

  /** Add this row's fields to a request. */
  addTo(request) {
    if (this.removing) {
      request.append(`base-${this.token}`, this.base);
      request.append(`remove-${this.token}`, "on");
      if (this.withoutCopy) request.append(`without_copy-${this.token}`, "on");
    } else {
      for (const field of this.fields) request.append(field.name, field.value);
    }
  }

  /** React to typing. */
  edited() {
    this.showSaved(false);
    if (!this.element.querySelector(".note.conflict")) this.clearNote();
    this.showDirty();
  }

  /** Say what can't be seen in the typed value, and offer to remove it. */
  showUnseen() {
    if (!this.dirty || this.removing || this.element.querySelector(".note:not(.unseen)")) return;
    const { remark, cleaned } = unseen(this.value.value, this.name, this.scope);
    if (!remark) return this.clearNote();
    // On the way to its button, the field loses the focus. The button must still be there.
    if (this.element.querySelector(".note.unseen p")?.textContent === remark) return;
    const note = this.note("unseen", remark);
    if (cleaned === this.value.value) return;
    const remove = button("Remove it", () => {
      this.value.value = cleaned;
      this.value.dispatchEvent(new Event("input", { bubbles: true }));
      this.value.focus();
    });
    note.append(remove);
  }

  /** Show whether the row has unsaved changes. */
  showDirty() {
    this.element.classList.toggle("dirty", this.dirty);
  }

  toggleRemoval() {
    const removing = this.element.classList.toggle("removing");
    this.withoutCopy = false;
    this.value.disabled = removing;
    this.showRemoval(removing);
    if (removing) this.note("removing", "Will be removed when you save.");
    else this.clearNote();
    this.showDirty();
  }

  /** Switch the row's button between Remove and Undo. */
  showRemoval(removing) {
    const button = this.element.querySelector(".remove");
    button.lastChild.textContent = removing ? "Undo" : "Remove";
    button.querySelector("use").setAttribute("href", removing ? "#i-undo" : "#i-bin");
  }

  /** Discard what was typed; `base` is the current version. */
  reset(base = this.base) {
    if (this.removing) this.toggleRemoval();
    this.clear();
    if (this.baseField) this.baseField.value = base;
    this.clearNote();
    this.showDirty();
  }

  /** Freeze a new row that was saved. */
  finish() {
    this.reset();
    this.done = true;
    for (const field of this.element.querySelectorAll("input, textarea, select, button")) {
      field.disabled = true;
    }
    this.showDirty();
  }

  /** Update the row from a newer rendering without losing what was typed. */
  refresh(fresh) {
    const base = fresh.querySelector('input[type="hidden"][name*="base"]')?.value;
    if (!base || same(base, this.base)) return;
    if (this.dirty) this.note("stale", `This ${this.noun} ${CHANGED}`);
    else this.replaceWith(fresh);
  }

  /** Show a newer rendering of the row, whose next save is then based on it. */
  replaceWith(fresh) {
    for (const field of this.fields) {
      const newer = fresh.querySelector(`[name="${field.name}"]`);
      if (newer) field.defaultValue = field.value = newer.value;
    }
  }

  /** Return the field of this name, such as "key", or undefined. */
  field(name) {
    const names = [`${name}-${this.token}`, `${this.token}-${name}`];
    return this.fields.find((it) => names.includes(it.name));
  }

  /** Show `text` below the row and connect it to the field of that name, by default the value. */
  note(kind, text, field = "") {
    this.clearNote();
    const note = element("div", `note ${kind}`);
    note.id = `m-${this.token}`;
    note.append(element("p", "", text));
    this.element.append(note);
    const target = this.field(field) ?? this.value;
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

  /** Focus the first invalid field, or the first field. */
  focus() {
    const cancel = this.element.closest(".in-place")?.querySelector(".cancel");
    if (this.removing) return (cancel ?? this.element.querySelector(".remove")).focus();
    const invalid = this.element.querySelector('[aria-invalid="true"]');
    (invalid ?? (this.isOffered ? this.value : this.key) ?? this.value).focus();
  }
}
