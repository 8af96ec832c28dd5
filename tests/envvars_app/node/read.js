// Answer each line, JSON of a parser's name and a text, with the pairs that the parser reads, or null
// if this Node doesn't have the parser. Pairs, because an object can't hold a key such as __proto__.
const fs = require("fs");
const os = require("os");
const path = require("path");
const util = require("util");
const dotenv = require("dotenv");
const dotenv16 = require("dotenv-16");
const expand = require("dotenv-expand");
const expand5 = require("dotenv-expand-5");
const next = require("@next/env");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "next-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true }));

// Next.js leaves out what the environment already has.
const clearEnvironment = () => Object.keys(process.env).forEach((name) => delete process.env[name]);
clearEnvironment();

const readByNext = (text) => {
  fs.writeFileSync(path.join(folder, ".env.production"), text);
  const { parsedEnv } = next.loadEnvConfig(folder, false, console, true);
  clearEnvironment();
  return parsedEnv;
};

const parsers = {
  "npm dotenv": dotenv.parse,
  "npm dotenv, fast": (text) => dotenv.parse(text, { fast: true }),
  "npm dotenv 16": dotenv16.parse,
  "dotenv-expand": (text) => expand.expand({ parsed: dotenv.parse(text), processEnv: {} }).parsed,
  "dotenv-expand 5": (text) => expand5({ parsed: dotenv16.parse(text), ignoreProcessEnv: true }).parsed,
  "Next.js": readByNext,
  "JSON.parse": JSON.parse,
  Node: util.parseEnv, // since 20.12
};

// Some line readers also split at U+2028.
const ascii = (json) =>
  json.replace(/[^ -~]/g, (sign) => "\\u" + sign.charCodeAt(0).toString(16).padStart(4, "0"));

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [parser, text] = JSON.parse(line);
    const parse = parsers[parser];
    console.log(ascii(JSON.stringify(parse ? Object.entries(parse(text)) : null)));
  });
