// The list of secrets: its first row adds one, Edit opens a form in a row, the eye reveals a value in its row, a name opens its details below.

import { lastForm, lineBelow } from "./below.js";
import { element } from "./elements.js";
import { toggleValue } from "./eye.js";
import { startFreshness } from "./freshness.js";
import { startCopyingSecrets } from "./copy_as.js";
import { get } from "./http.js";
import { startMoreMenus } from "./manage/more.js";
import { openForm, removeRow, rows, startQuickEditing } from "./manage/quick.js";
import { Row } from "./manage/row.js";
import { forgetOnLeave } from "./forget.js";
import { SecretRow } from "./manage/secret_row.js";
import { localTimes } from "./times.js";

function openBelow(row, content) {
  const opened = lineBelow(row, content, "detail-row");
  lastForm(row).after(opened);
  htmx.process(opened); // asks for the versions
  localTimes(opened);
}

async function toggleDetail(link) {
  const row = link.closest("tr");
  const opened = lastForm(row).nextElementSibling;
  if (opened?.matches(".detail-row")) {
    opened.remove();
    link.ariaExpanded = "false";
    return;
  }
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  const { ok, page } = await get(link.href);
  link.ariaBusy = null;
  const detail = page?.querySelector(".below");
  if (!ok || !detail) location.assign(link.href);
  else if (row.isConnected) {
    openBelow(row, document.adoptNode(detail));
    link.ariaExpanded = "true";
  }
}

document.addEventListener("click", (event) => {
  if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const control = event.target.closest("#listing td > .eye, #listing tbody a.key");
  if (!control) return;
  event.preventDefault();
  if (control.matches(".eye")) toggleValue(control);
  else toggleDetail(control);
});

function hidden(name, value) {
  const field = element("input");
  Object.assign(field, { type: "hidden", name, value });
  return field;
}

// A version that is restored below its row leads back to the list, not to the secret's page.
document.addEventListener("submit", ({ target }) => {
  if (!target.matches('.detail-row form[action$="/restore/"]')) return;
  target.append(hidden("back", "secrets"), hidden("query", location.search.slice(1)));
});

// Escape closes the details that hold the focus.
document.addEventListener("keydown", (event) => {
  const opened = event.key === "Escape" && event.target.closest(".detail-row");
  if (!opened) return;
  let row = opened;
  while (!row.id) row = row.previousElementSibling;
  const link = row.querySelector("a.key");
  toggleDetail(link);
  link.focus();
});

Row.use(SecretRow);
forgetOnLeave(() => rows().map((row) => row.value));
startFreshness();
startMoreMenus(openForm, removeRow); // before the guard of unsaved rows, which lets a handled click pass
startQuickEditing();
startCopyingSecrets();
