// Requests like htmx's, for responses that htmx can't swap in: secret values and batches of rows.

const LOST = "Can't reach Branchkeep. Check your connection, then try again.";
const SIGNED_OUT = "You are signed out. Sign in again in another tab, then try again here.";
const FAILED = "Branchkeep could not answer this request. Try again. If the problem persists, ask an operator for help.";

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

// Signing in again in another tab replaces the CSRF token, so this page's token is rejected.
async function renewToken() {
  const { ok, page } = await ask(location.href, { headers: {} });
  if (ok) token = page.querySelector('meta[name="csrf"]')?.content ?? token;
  return ok;
}

/**
 * Post `fields` and return { ok, page, problem }: `page` is the parsed response or null, `problem`
 * a message to show if there is no other result. Never throws. With `again`, a 403 is taken for an
 * old CSRF token, and the request is sent once more with a new one.
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

/** Get a fragment. Returns the same as `post`. */
export async function get(url) {
  try {
    return await ask(url);
  } catch {
    return { ok: false, page: null, problem: LOST };
  }
}
