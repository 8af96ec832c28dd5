// Open the preview of an import in place of this page when a file is pasted outside a value field, or dropped.

import { get } from "./http.js";
import { startImport } from "./import/page.js";
import { toast } from "./toast.js";

const address = document.querySelector("script[data-import]")?.dataset.import;
const ASSIGNMENT = /^\s*(export\s+)?[\w.-]+\s*=/m;
const PAIR = /^\s*["']?[\w.-]+["']?\s*(:(\s|$)|[,;\t])/;
const UNSAVED = "Save or cancel your changes first, then paste the file again.";
let opening = false;

function isFile(text) {
  if (/^\s*\{/.test(text) || ASSIGNMENT.test(text)) return true;
  const lines = text.split("\n", 50).filter((line) => line.trim() && !line.trimStart().startsWith("#"));
  return lines.length > 1 && PAIR.test(lines[0]) && PAIR.test(lines[1]);
}

// A value can have any text. A key never has an equals sign, and other fields are one line.
function isMeant(text, field) {
  if (field?.matches("textarea")) return false;
  return isFile(text) && (!field || field.matches("input.mono") || text.trim().includes("\n"));
}

async function loadStyles(page) {
  const there = new Set([...document.querySelectorAll('link[rel="stylesheet"]')].map(({ href }) => href));
  const missing = [...page.querySelectorAll('link[rel="stylesheet"]')].filter((link) => !there.has(link.href));
  await Promise.all(
    missing.map((link) => {
      const added = document.importNode(link);
      const loaded = new Promise((done) => {
        added.onload = added.onerror = done;
      });
      document.head.append(added);
      return loaded;
    }),
  );
}

// The text must not leave this page but to be previewed, so the page stays, hidden below.
async function open(text) {
  if (document.querySelector(".edit-row.dirty")) return toast(UNSAVED, "warning");
  if (opening || document.getElementById("import")) return;
  opening = true;
  const scope = document.getElementById("search-branch")?.value ?? "";
  const { page, problem } = await get(`${address}?scope=${encodeURIComponent(scope)}`);
  const main = page?.getElementById("import")?.closest("main");
  if (!main) toast(problem || "Branchkeep could not open the import. Try again.", "error");
  else {
    await loadStyles(page);
    replace(document.adoptNode(main), page.title, text);
  }
  opening = false;
}

function replace(main, title, text) {
  const before = document.getElementById("main");
  const titleBefore = document.title;
  before.hidden = true;
  before.removeAttribute("id");
  before.after(main);
  document.title = title;
  startImport(main.querySelector("#import"), {
    text,
    close() {
      main.remove();
      before.id = "main";
      before.hidden = false;
      document.title = titleBefore;
      before.focus();
    },
  });
}

const hasFiles = ({ dataTransfer }) => [...(dataTransfer?.types ?? [])].includes("Files");

if (address) {
  document.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text") ?? "";
    if (document.getElementById("import") || !isMeant(text, event.target.closest("input, textarea, select"))) return;
    event.preventDefault();
    open(text);
  });
  document.addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", async (event) => {
    if (!hasFiles(event) || document.getElementById("import")) return;
    event.preventDefault();
    open(await event.dataTransfer.files[0].text());
  });
}
