// Import: the text stays in this page. Each step posts it, and gets keys and sizes back, never values.

import { startImport } from "./import/page.js";

startImport(document.getElementById("import"));
