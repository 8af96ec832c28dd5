// The list of variables: its first row adds one, and Edit opens a form below a row.

import { startQuickEditing } from "./manage/quick.js";
import { Row } from "./manage/row.js";
import { VariableRow } from "./manage/variable_row.js";

Row.use(VariableRow);
startQuickEditing();
