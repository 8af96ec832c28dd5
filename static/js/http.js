// Posting as htmx does, for what htmx can't: the answers here hold values or many rows.

const LOST = "The console can't be reached. Check your connection, then try again.";
const SIGNED_OUT = "You are signed out. Sign in again in another tab, then try again here.";
const FAILED = "The console failed to answer. Try again; if it stays so, ask an operator.";

let token = document.querySelector('meta[name="csrf"]').content;
let stale = false;

function parse(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

// A sign-in gives the browser a new token; the one in this page is then too old.
async function renewToken() {
  const response = await fetch(location.href, { redirect: "manual", cache: "no-store" });
  if (!response.ok) return;
  token = parse(await response.text()).querySelector('meta[name="csrf"]')?.content ?? token;
  stale = false;
}

function problemOf(response, page) {
  if (response.type === "opaqueredirect" || response.status === 401) return SIGNED_OUT;
  return page?.querySelector(".problem")?.textContent.trim() || FAILED;
}

/**
 * Post `fields` and return { ok, page, problem }: `page` is the parsed answer or null, `problem`
 * a sentence for people where there is no other answer. Never throws.
 */
export async function post(url, fields = new URLSearchParams()) {
  try {
    if (stale) await renewToken();
    const response = await fetch(url, {
      method: "POST",
      body: fields,
      redirect: "manual",
      cache: "no-store",
      headers: { "HX-Request": "true", "X-CSRFToken": token },
    });
    stale = response.type === "opaqueredirect" || [401, 403].includes(response.status);
    const page = response.type === "opaqueredirect" ? null : parse(await response.text());
    return { ok: response.ok, page, problem: problemOf(response, page) };
  } catch {
    return { ok: false, page: null, problem: LOST };
  }
}

/** Get a fragment; returns what `post` returns. */
export async function get(url) {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      cache: "no-store",
      headers: { "HX-Request": "true" },
    });
    const page = response.type === "opaqueredirect" ? null : parse(await response.text());
    return { ok: response.ok, page, problem: problemOf(response, page) };
  } catch {
    return { ok: false, page: null, problem: LOST };
  }
}
