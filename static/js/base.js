// Behavior of every page. Pages also work without it.

import { startConfirming } from "./confirm.js";
import { startCopying } from "./copy.js";
import { startKeepingFilter } from "./filter.js";
import { startKeys } from "./keys.js";
import { startPalette } from "./palette.js";
import { localFilter, localTimes, tellZone } from "./times.js";
import { startToasts, toast } from "./toast.js";

const UNREACHABLE = "Can't reach Branchkeep. This page may be out of date.";
const FAILED = "Branchkeep could not answer this request. Try again in a minute.";

function startNavigation() {
  const toggle = document.getElementById("nav-toggle");
  if (!toggle) return;
  const wide = matchMedia("(min-width: 769px)");
  toggle.checked = wide.matches && document.documentElement.classList.contains("nav-collapsed");
  document.documentElement.classList.remove("nav-collapsed");
  toggle.addEventListener("change", () => {
    if (!wide.matches) return;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const state = toggle.checked ? "collapsed" : "open"; // the server renders the next page accordingly
    document.cookie = `nav=${state}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  });
}

// Close menus and popovers on a click outside them and on Escape.
function startMenus() {
  const opened = () => document.querySelectorAll("details:is(.menu, .why)[open]");
  document.addEventListener("click", (event) => {
    for (const menu of opened()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of opened()) {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    }
  });
}

function startForms() {
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.matches("[data-submit]")) field.form.requestSubmit();
    if (field.matches("[data-check-all]")) {
      const boxes = field.form.querySelectorAll(`[name="${field.dataset.checkAll}"]`);
      for (const box of boxes) box.checked = field.checked;
    }
  });
  document.querySelector('[aria-invalid="true"]')?.focus();
}

// A redirect ends in a whole page, such as sign-in, which must not be swapped into this one.
function guardFragments(event) {
  const { xhr, requestConfig } = event.detail;
  const elsewhere = xhr.responseURL && new URL(xhr.responseURL).pathname !== new URL(requestConfig.path, location.href).pathname;
  if (!elsewhere) return;
  event.detail.shouldSwap = false;
  toast("You are signed out. Sign in again in another tab, then continue here.", "error");
}

function startFragments() {
  document.addEventListener("htmx:beforeSwap", guardFragments);
  document.addEventListener("htmx:load", (event) => localTimes(event.target));
  document.addEventListener("htmx:sendError", () => toast(UNREACHABLE, "error"));
  document.addEventListener("htmx:responseError", (event) => {
    const page = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    toast(page.querySelector(".problem")?.textContent.trim() || FAILED, "error");
  });
}

startNavigation();
startMenus();
startForms();
startToasts();
startCopying();
startConfirming();
startFragments();
startKeepingFilter();
startPalette();
startKeys();
localTimes(document);
localFilter();
tellZone();
