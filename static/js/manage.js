// Edit mode for secrets.

import { startFreshness } from "./freshness.js";
import { rows, startEditing } from "./manage/editing.js";
import { Row } from "./manage/row.js";
import { forgetOnLeave } from "./forget.js";
import { SecretRow } from "./manage/secret_row.js";

Row.use(SecretRow);
forgetOnLeave(() => rows().map((row) => row.value));
startFreshness();
startEditing();
