// Confirm one's identity in a dialog, then go on. It shows the same pages that work without scripts.

import { toast } from "./toast.js";

const start = document.querySelector('meta[name="confirm"]');
/** What to show after a confirmation for a reveal, which needs its own press. */
export const AGAIN = "Your identity is confirmed. Press the button again to show the value.";
const PROBLEM = "Branchkeep could not check this. Try again.";
const NO_PASSKEY = "The passkey could not be used. Try again, or use another method.";

async function load(url, options = {}) {
  const response = await fetch(url, { cache: "no-store", ...options });
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

const isConfirmed = (page) => page.querySelector("[data-confirmed]") !== null;

/**
 * Ask the user to confirm their identity, unless they did so recently. Resolves to "recent", to "now"
 * if they had to, or to "" if they canceled. If the server can't be asked, the next request asks it.
 */
export async function confirmIdentity() {
  if (!start) return "recent";
  let page;
  try {
    page = await load(start.content);
  } catch {
    return "recent";
  }
  if (isConfirmed(page) || !page.querySelector(".entrance form, [data-elsewhere]")) return "recent";
  return new Promise((resolve) => new ConfirmDialog(resolve).open(page));
}

class ConfirmDialog {
  #dialog = document.createElement("dialog");
  #page = null; // the one that is shown
  #confirmed = "";

  constructor(resolve) {
    this.#dialog.className = "dialog confirm";
    this.#dialog.setAttribute("aria-labelledby", "confirm-title");
    this.#dialog.addEventListener("submit", (event) => this.#submit(event));
    this.#dialog.addEventListener("click", (event) => this.#follow(event));
    this.#dialog.addEventListener("close", () => {
      removeEventListener("focus", this.#look);
      this.#dialog.remove();
      resolve(this.#confirmed);
    });
  }

  open(page) {
    document.body.append(this.#dialog);
    this.#show(page);
    this.#dialog.showModal();
    this.#focus();
  }

  #show(page) {
    if (isConfirmed(page)) {
      this.#confirmed = "now";
      this.#dialog.close();
      return;
    }
    const content = page.querySelector(".entrance, .error-card");
    if (!content) return this.#fail(PROBLEM);
    content.querySelector("h1").id = "confirm-title";
    this.#page = page;
    this.#dialog.replaceChildren(document.importNode(content, true));
    if (this.#dialog.open) this.#focus();
  }

  #focus() {
    const first = '[aria-invalid="true"], input:not([type="hidden"]), button, a';
    this.#dialog.querySelector(first)?.focus();
  }

  #fail(text) {
    const problem = this.#dialog.querySelector(".problem") ?? document.createElement("p");
    problem.className = "problem";
    problem.setAttribute("role", "alert");
    problem.textContent = text;
    problem.hidden = false;
    if (!problem.isConnected) this.#dialog.append(problem);
  }

  async #load(url, options) {
    try {
      this.#show(await load(url, options));
    } catch {
      this.#fail(PROBLEM);
    }
  }

  async #submit(event) {
    const form = event.target;
    event.preventDefault();
    event.stopPropagation();
    const url = new URL(form.getAttribute("action"), location.href);
    const body = new URLSearchParams(new FormData(form));
    if (form.dataset.passkey) {
      try {
        body.set("credential", JSON.stringify(await this.#usePasskey()));
      } catch {
        return this.#fail(NO_PASSKEY);
      }
    }
    await this.#load(url, { method: "POST", body });
  }

  // allauth's own script would leave the page.
  async #usePasskey() {
    if (!window.webauthnJSON) {
      const script = document.createElement("script");
      script.src = this.#page.querySelector('script[src*="webauthn-json"]').getAttribute("src");
      const loaded = new Promise((done, failed) => {
        script.addEventListener("load", done);
        script.addEventListener("error", failed);
      });
      document.head.append(script);
      await loaded;
    }
    const data = JSON.parse(this.#page.getElementById("js_data").textContent);
    return window.webauthnJSON.get(data.request_options);
  }

  #follow(event) {
    const link = event.target.closest("a[href]");
    if (!link) return;
    event.preventDefault();
    if (link.matches("[data-elsewhere]")) {
      addEventListener("focus", this.#look); // when they come back from the provider
      open(link.href, "_blank", "noopener");
    } else if (link.matches(".form-foot .link, .error-card a")) this.#dialog.close();
    else this.#load(link.href);
  }

  #look = async () => {
    try {
      const page = await load(start.content);
      if (isConfirmed(page)) this.#show(page);
    } catch {
      // They can come back again.
    }
  };
}

// Forms that ask before they are sent, so that nothing typed leaves the page. In the admin, all do.
function asks(form) {
  if (start?.dataset.all === undefined) return form.matches("[data-confirm]");
  return form.method === "post" && form.id !== "logout-form";
}

const sending = new WeakSet();

async function send(form, submitter) {
  const confirmed = await confirmIdentity();
  if (!confirmed) return;
  if (confirmed === "now" && form.dataset.confirm === "again") {
    toast(AGAIN);
    submitter?.focus();
    return;
  }
  sending.add(form);
  form.requestSubmit(submitter);
  sending.delete(form);
}

export function startConfirming() {
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || sending.has(form) || !asks(form)) return;
    event.preventDefault();
    send(form, submitter);
  });
  // The server asked: this page shows the form as it was typed.
  const panel = document.querySelector(".confirm-panel");
  if (!panel) return;
  const form = panel.closest("form");
  confirmIdentity().then((confirmed) => {
    if (!confirmed) return;
    panel.remove();
    form.requestSubmit();
  });
}
