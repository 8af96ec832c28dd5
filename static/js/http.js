// Posting as htmx does, for what htmx can't: the answers here hold values or many rows.

const LOST = "The console can't be reached. Check your connection, then try again.";
const SIGNED_OUT = "You are signed out. Sign in again in another tab, then try again here.";
const FAILED = "The console failed to answer. Try again; if it stays so, ask an operator.";

let token = document.querySelector('meta[name="csrf"]').content;

function parse(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

async function ask(url, options) {
  const headers = { "HX-Request": "true", "X-CSRFToken": token };
  const response = await fetch(url, { redirect: "manual", cache: "no-store", headers, ...options });
  if (response.type === "opaqueredirect") return { ok: false, page: null, problem: SIGNED_OUT };
  const page = parse(await response.text());
  const problem = page.querySelector(".problem")?.textContent.trim() || FAILED;
  return { ok: response.ok, status: response.status, page, problem };
}

// A sign-in in another tab gives the browser a new token; the one in this page is then too old.
async function renewToken() {
  const { ok, page } = await ask(location.href, { headers: {} });
  if (ok) token = page.querySelector('meta[name="csrf"]')?.content ?? token;
  return ok;
}

/**
 * Post `fields` and return { ok, page, problem }: `page` is the parsed answer or null, `problem`
 * a sentence for people where there is no other answer. Never throws. With `again` a refusal is
 * taken for an old token, and the post is sent once more with a new one.
 */
export async function post(url, fields = new URLSearchParams(), { again = false } = {}) {
  try {
    const answer = await ask(url, { method: "POST", body: fields });
    if (answer.status !== 403) return answer;
    if (!(await renewToken())) return { ok: false, page: null, problem: SIGNED_OUT };
    if (!again && !answer.page.querySelector("[data-again]")) return answer;
    return await ask(url, { method: "POST", body: fields });
  } catch {
    return { ok: false, page: null, problem: LOST };
  }
}

/** Get a fragment; returns what `post` returns. */
export async function get(url) {
  try {
    return await ask(url);
  } catch {
    return { ok: false, page: null, problem: LOST };
  }
}
