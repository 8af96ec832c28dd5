// Lines below a row of a table, such as its details or its form.

/** Return a new line that holds `content`, to be placed below the row. */
export function lineBelow(row, content, kind) {
  const line = document.createElement("tr");
  const cell = document.createElement("td");
  line.className = kind;
  cell.colSpan = row.cells.length;
  cell.append(content);
  line.append(cell);
  return line;
}
