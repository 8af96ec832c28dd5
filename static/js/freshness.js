// The check against the store returns the list as it was first loaded. If the reader has searched or
// sorted since then, reload their current list instead.

let outdated = false;

const same = (one, other) => new URLSearchParams(one).toString() === new URLSearchParams(other).toString();

export function startFreshness() {
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.id !== "freshness") return;
    const asked = new URL(detail.requestConfig.path, location.href).search;
    outdated = !same(asked, location.search);
  });
  document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    if (!outdated || !detail.target.matches("#listing, #rows, #chips")) return;
    detail.shouldSwap = false;
    document.getElementById("filter").requestSubmit();
  });
}
