// Asks before leaving a page with unsaved changes.

/** Ask before leaving while `count()` is not 0; `describe` puts it in words. Returns a function that leaves without asking. */
export function guard(count, describe) {
  const dialog = document.getElementById("leave");
  let off = false;
  let target = null;
  addEventListener("beforeunload", (event) => {
    if (!off && count()) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || off || !count() || !leaves(event, link)) return;
    event.preventDefault();
    target = link.href;
    document.getElementById("leave-count").textContent = describe(count());
    dialog.returnValue = "stay";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "leave") return;
    off = true;
    location.assign(target);
  });
  return (url) => {
    off = true;
    location.assign(url);
  };
}

function leaves(event, link) {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) {
    return false;
  }
  if (link.target || link.closest("[hx-get]") || link.classList.contains("skip")) return false;
  return !link.closest("#toasts") && link.id !== "add";
}
