// The list of variables: its first row adds one, and Edit opens a form below a row.

import { startCopyingAs } from "./copy_as.js";
import { get } from "./http.js";
import { startMoreMenus } from "./manage/more.js";
import { removeBase } from "./manage/overrides.js";
import { openForm, removeRow, startQuickEditing } from "./manage/quick.js";
import { Row } from "./manage/row.js";
import { VariableRow } from "./manage/variable_row.js";

// A variable's page has its whole value, and the line.
async function fetchVariable(address, kind) {
  const { page, problem } = await get(address);
  const found = page?.querySelector(kind === "line" ? "[data-line]" : "code.value.copy-text, [data-value]");
  return found ? { value: found.textContent } : { problem: page?.querySelector(".no-line")?.textContent ?? problem };
}

const codeOf = (key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? `process.env.${key}` : `process.env[${JSON.stringify(key)}]`);

Row.use(VariableRow);
startMoreMenus(openForm, (row) => removeRow(row, removeBase)); // before the guard, which lets a handled click pass
startQuickEditing();
startCopyingAs(fetchVariable, codeOf);
