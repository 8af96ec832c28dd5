// Edit mode for secrets.

import { startFreshness } from "./freshness.js";
import { rows, startEditing } from "./manage/editing.js";
import { Row } from "./manage/row.js";
import { SecretRow } from "./manage/secret_row.js";

// Values must not outlive the page, not even in the back/forward cache.
addEventListener("pagehide", () => {
  for (const row of rows()) row.value.value = "";
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

Row.use(SecretRow);
startFreshness();
startEditing();
