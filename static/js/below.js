// Lines below a row of a table, such as its details or its form.

import { element } from "./elements.js";

/** Return the last form that is open below a row, or the row. Other lines are below its forms. */
export function lastForm(row) {
  while (row.nextElementSibling?.matches(".editing-row")) row = row.nextElementSibling;
  return row;
}

/** Return a new line that holds `content`, to be placed below the row. */
export function lineBelow(row, content, kind) {
  const line = element("tr", kind);
  const cell = element("td");
  cell.colSpan = row.cells.length;
  cell.append(content);
  line.append(cell);
  return line;
}
