// Values that were typed or pasted don't outlive the page.

/** Empty `fields()` when the page is left, even for the back/forward cache. */
export function forgetOnLeave(fields) {
  addEventListener("pagehide", () => {
    for (const field of fields()) field.value = "";
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
