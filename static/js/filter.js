// The filter of a list stays when people go on to edit mode, and when they come back.

const KEPT = ["q", "branch", "only", "sort", "per_page", "page"];

/** Return the query string of the page's filter, with `more` parameters, or "". */
export function currentFilter(more = {}) {
  const all = new URLSearchParams(location.search);
  const kept = new URLSearchParams(more);
  for (const name of KEPT) if (all.get(name)) kept.set(name, all.get(name));
  return kept.size ? `?${kept}` : "";
}

/** Let the links marked with data-keep-filter take the filter along. */
export function startKeepingFilter() {
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest("a[data-keep-filter]");
      if (link) link.search = currentFilter();
    },
    { capture: true },
  );
}
