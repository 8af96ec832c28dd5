// The page of an import, or the same in place of a list: the text, its preview, and saving it.

import { confirmIdentity } from "../confirm.js";
import { byId } from "../elements.js";
import { forgetOnLeave } from "../forget.js";
import { post } from "../http.js";
import { randomValue } from "../manage/generate.js";
import { toast } from "../toast.js";
import { saveRows } from "./save.js";
import { boxesTogether, boxOf, startFilter, sum } from "./table.js";

const isRemoval = (row) => row.dataset.change === "remove";
const FAILED = "Branchkeep could not preview this text. Try again.";

/** Start the form of an import. With a text, preview it at once; `close` is called by Cancel. */
export function startImport(form, { text = "", close = null } = {}) {
  if (form) new Import(form, close).start(text);
}

class Import {
  #kinds = new Map(); // by key, as chosen
  #cleaned = new Set(); // keys whose values lose what can't be seen
  #generated = new Map(); // random values, by key
  #selected = new Map(); // by token, as chosen
  #busy = false;
  #again = ""; // the action to repeat once it is no longer busy
  #lead = byId("import-lead").textContent;

  constructor(form, close) {
    this.form = form;
    this.close = close;
    this.field = byId("import-field");
  }

  start(text) {
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.form.addEventListener("change", (event) => this.#changed(event.target));
    this.form.addEventListener("click", (event) => this.#clicked(event));
    byId("import-edit").addEventListener("click", () => {
      byId("import-preview").replaceChildren();
      this.#edit();
    });
    this.#acceptFiles();
    startFilter(this.form);
    forgetOnLeave(() => [this.field]);
    if (text) this.#restart(text);
    else this.field.focus();
  }

  get #table() {
    return this.form.querySelector(".import-table");
  }

  get #rows() {
    return [...this.form.querySelectorAll(".import-row")];
  }

  #restart(text) {
    byId("import-preview").replaceChildren();
    this.#kinds.clear();
    this.#cleaned.clear();
    this.#generated.clear();
    this.#selected.clear();
    byId("import-file").value = "";
    this.field.value = text;
    this.preview();
  }

  #fields(action) {
    const fields = new FormData();
    fields.set("action", action);
    fields.set("text", this.field.value);
    for (const { name, value } of this.form.querySelectorAll("#import-scopes :is(select, :checked:not(option)), #import-environment")) fields.append(name, value);
    fields.set("kind", [...this.#kinds].map(([key, noun]) => `${noun} ${key}`).join("\n"));
    fields.set("generated", JSON.stringify(Object.fromEntries(this.#generated)));
    fields.set("clean", [...this.#cleaned].join("\n"));
    return fields;
  }

  /** Show what the text would change. `action` "compare" looks at stored secrets, too. */
  async preview(action = "preview") {
    if (this.#busy) {
      this.#again = action; // with what was chosen in the meantime
      return;
    }
    this.#busy = true;
    this.form.ariaBusy = "true";
    byId("import-save")?.toggleAttribute("disabled", true);
    const focused = document.activeElement?.id;
    const fields = this.#fields(action);
    const seen = [...this.form.querySelectorAll('[name="row"]')].map(({ value }) => value);
    fields.set("row", seen.join("\n"));
    let answer = await post(this.form.getAttribute("action"), fields, { again: true });
    if (answer.page?.querySelector("a.confirm") && (await confirmIdentity())) answer = await post(this.form.getAttribute("action"), fields);
    this.#busy = false;
    this.form.ariaBusy = null;
    if (this.#again) {
      action = this.#again;
      this.#again = "";
      return this.preview(action);
    }
    const fresh = answer.page?.getElementById("import-preview");
    if (!fresh) {
      sum(this.form);
      return toast(answer.problem || FAILED, "error");
    }
    this.#show(document.adoptNode(fresh), focused);
  }

  #show(fresh, focused) {
    byId("import-preview").replaceWith(fresh);
    const error = byId("import-error");
    if (!this.#table) return this.#edit(Number(error?.dataset.line) || 0);
    byId("import-text").hidden = true;
    byId("import-edit").hidden = false;
    byId("import-lead").textContent = byId("import-summary").textContent;
    for (const row of this.#rows) {
      const box = boxOf(row);
      const chosen = this.#selected.get(row.dataset.token);
      if (chosen !== undefined && !box.disabled) box.checked = chosen;
    }
    sum(this.form);
    const held = document.activeElement;
    if (held !== document.body && held?.offsetParent) return; // in a part that stays
    const again = focused ? byId(focused) : null;
    if (again?.offsetParent) again.focus();
    else byId("import-save")?.focus({ preventScroll: true });
  }

  // Back to the text, at the line with a mistake.
  #edit(line = 0) {
    byId("import-text").hidden = false;
    byId("import-edit").hidden = true;
    byId("import-lead").textContent = this.#lead;
    this.#generated.clear(); // what is typed now counts
    this.#cleaned.clear();
    this.field.toggleAttribute("aria-invalid", Boolean(line));
    this.field.focus();
    if (!line) return;
    const lines = this.field.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    this.field.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  }

  #submit(event) {
    event.preventDefault();
    const action = event.submitter?.value ?? "preview";
    if (action === "save") this.#save();
    else this.preview(action);
  }

  #changed(field) {
    if (field.name.startsWith("kind-")) {
      const [noun, ...key] = field.value.split(" ");
      this.#kinds.set(key.join(" "), noun);
      this.preview();
    } else if (field.name === "row" || field.name === "remove") {
      this.#selected.set(field.closest("tr").dataset.token, field.checked);
      sum(this.form);
    } else if (field.id === "import-file") {
      if (field.files.length) field.files[0].text().then((text) => this.#restart(text));
    } else if (field.id === "import-every") {
      this.#tickEvery(field.checked);
    } else if (field.name === "environment" || (field.name === "scope" && this.#table)) {
      this.#selected.clear();
      this.preview();
    } else if (field.name === "absent" && this.#table) {
      this.preview();
    }
  }

  #tickEvery(checked) {
    for (const box of boxesTogether(this.form)) {
      box.checked = checked;
      this.#selected.set(box.closest("tr").dataset.token, checked);
    }
    sum(this.form);
  }

  #clicked(event) {
    const { clean, kind, choose, generate } = event.target.closest("button")?.dataset ?? {};
    if (clean !== undefined) {
      this.#cleaned.add(clean);
      this.preview();
    }
    if (generate !== undefined) {
      this.#generated.set(generate, randomValue());
      this.preview();
    }
    if (kind !== undefined) {
      const [noun, ...key] = kind.split(" ");
      this.#kinds.set(key.join(" "), noun);
      this.preview();
    }
    if (choose !== undefined) this.#choose(choose);
    if (this.close && event.target.closest("a.link")) {
      event.preventDefault();
      this.close();
    }
  }

  // "Write yours": based on what the preview or the conflict shows.
  #choose(token) {
    const row = this.#rows.find((it) => it.dataset.token === token);
    boxOf(row).checked = true;
    this.#selected.set(token, true);
    sum(this.form);
    byId("import-save")?.focus();
  }

  async #save() {
    const chosen = this.#rows.filter((row) => boxOf(row).checked);
    const rows = [...chosen.filter((row) => !isRemoval(row)), ...chosen.filter(isRemoval)]; // removals last
    if (this.#busy || !rows.length) return;
    this.#busy = true;
    const fields = () => {
      const sent = this.#fields("save");
      sent.set("change_set", this.form.elements.change_set.value);
      return sent;
    };
    await saveRows(this.form, rows, fields);
    this.#busy = false;
    sum(this.form);
  }

  // A file that is dropped, or pasted outside the field, starts again.
  #acceptFiles() {
    const accepts = (event) => this.form.isConnected && [...(event.dataTransfer?.types ?? [])].includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!accepts(event)) return;
      event.preventDefault();
      this.form.classList.add("dropping");
    });
    document.addEventListener("dragleave", () => this.form.classList.remove("dropping"));
    document.addEventListener("drop", async (event) => {
      if (!accepts(event)) return;
      event.preventDefault();
      this.form.classList.remove("dropping");
      if (!this.#busy) this.#restart(await event.dataTransfer.files[0].text());
    });
    document.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text") ?? "";
      if (!this.form.isConnected || this.#busy || !text) return;
      if (event.target === this.field && this.field.value === "") event.preventDefault();
      else if (event.target.closest("input, textarea")) return;
      this.#restart(text);
    });
    addEventListener("beforeunload", (event) => {
      if (this.#busy && this.form.querySelector(".saving")) event.preventDefault();
    });
  }
}
