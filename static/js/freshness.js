// The check against the store answers for the list as it was when the page came. Who has searched or
// sorted meanwhile gets his own list again instead.

let overtaken = false;

const same = (one, other) => new URLSearchParams(one).toString() === new URLSearchParams(other).toString();

export function startFreshness() {
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.id !== "freshness") return;
    const asked = new URL(detail.requestConfig.path, location.href).search;
    overtaken = !same(asked, location.search);
  });
  document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    if (!overtaken || !detail.target.matches("#listing, #rows")) return;
    detail.shouldSwap = false;
    document.getElementById("filter").requestSubmit();
  });
}
