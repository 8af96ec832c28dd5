// Compare: the matrix as a grid. A cell's value is edited or added in a form below its row.

import { startGrid } from "./compare/grid.js";
import { startQuickEditing, rows } from "./manage/quick.js";
import { Row } from "./manage/row.js";
import { forgetOnLeave } from "./forget.js";
import { SecretRow } from "./manage/secret_row.js";
import { VariableRow } from "./manage/variable_row.js";

// Rows of both kinds can be open. The fields of secrets are masked.
function rowOf(element) {
  const kind = element.querySelector("textarea.masked") ? SecretRow : VariableRow;
  return new kind(element);
}

Row.use(rowOf);
forgetOnLeave(() => rows().flatMap((row) => (row instanceof SecretRow ? [row.value] : [])));
startQuickEditing();
startGrid();
