// Single-key shortcuts of a list. A person can switch them off in their preferences (WCAG 2.1.4).

const byId = (id) => document.getElementById(id);

function edit() {
  const row = document.activeElement.closest("#listing tbody tr") ?? document.querySelector("#listing tbody tr:hover");
  row?.querySelector("a.edit")?.click();
}

const ACTIONS = {
  n: () => byId("add-key")?.focus(),
  e: edit,
  "/": () => byId("search-q").focus(),
  "?": () => byId("keys").showModal(),
};

/** Start the shortcuts, unless they are switched off, and the button that lists them. */
export function startKeys() {
  byId("show-keys")?.addEventListener("click", ACTIONS["?"]);
  if (document.documentElement.dataset.keys === "off") return;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !Object.hasOwn(ACTIONS, event.key)) return;
    if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
    event.preventDefault(); // the field that gets the focus must not get the key too
    ACTIONS[event.key]();
  });
}
