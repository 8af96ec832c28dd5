// A row of an edit mode: what was typed, whether it differs, how its save ended. What is special
// about a page's rows is in a class that extends this one.

const MEANWHILE = "was changed meanwhile. When you save, you are asked which to keep.";
const known = new WeakMap();

// A base is a version, or "version:life": a life tells it from another of that version. One that no
// check against the store has seen is below 0, and can't be told from one that a check has seen.
function same(base, other) {
  const [version, life = 0] = base.split(":");
  const [otherVersion, otherLife = 0] = other.split(":");
  return version === otherVersion && (life === otherLife || Math.sign(life) !== Math.sign(otherLife));
}

let kind = null;

export class Row {
  done = false; // a new row that is saved

  /** Say which class the rows of this page have. */
  static use(subclass) {
    kind = subclass;
  }

  /** Return the Row of `element` or of what it stands in. */
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

  get removing() {
    return this.element.classList.contains("removing");
  }

  get dirty() {
    if (this.done) return false;
    return this.isNew ? this.filled : this.removing || this.changed;
  }

  /** Whether a new row holds anything. */
  get filled() {
    return this.key.value !== "" || this.value.value !== "";
  }

  /** Whether something in it would be lost or jump if the row were swapped now. */
  get held() {
    return this.dirty || this.element.contains(document.activeElement);
  }

  /** In which order rows are saved: what sets a name free goes before what takes it. */
  get rank() {
    return this.removing ? 0 : this.isNew ? 3 : 1;
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
    if (!this.element.querySelector(".note.conflict")) this.clearNote();
    this.mark();
  }

  mark() {
    this.element.classList.toggle("dirty", this.dirty);
  }

  toggleRemoval() {
    const removing = this.element.classList.toggle("removing");
    this.value.disabled = removing;
    this.showRemoval(removing);
    if (removing) this.note("removing", "Is removed when you save.");
    else this.clearNote();
    this.mark();
  }

  /** Show on its button that it is to be removed, or no longer. */
  showRemoval(removing) {
    const button = this.element.querySelector(".remove");
    button.lastChild.textContent = removing ? "Undo" : "Remove";
    button.querySelector("use").setAttribute("href", removing ? "#i-undo" : "#i-bin");
  }

  /** Forget what was typed; `base` is what is there. */
  reset(base = this.base) {
    if (this.removing) this.toggleRemoval();
    this.clear();
    if (this.baseField) this.baseField.value = base;
    this.clearNote();
    this.mark();
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

  /** Take over what a newer rendering brings, without losing what was typed. */
  learn(fresh) {
    const base = fresh.querySelector('input[type="hidden"][name*="base"]')?.value;
    if (!base || same(base, this.base)) return;
    if (this.dirty) this.note("meanwhile", `This ${this.noun} ${MEANWHILE}`);
    else this.takeOver(fresh, base);
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
