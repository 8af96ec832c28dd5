// Answer each line, JSON of a parser's name and a text, with the pairs that the parser reads, or null
// if this Node doesn't have the parser. Pairs, because an object can't hold a key such as __proto__.
const util = require("util");
const dotenv = require("dotenv");
const dotenv16 = require("dotenv-16");

const parsers = {
  "npm dotenv": dotenv.parse,
  "npm dotenv, fast": (text) => dotenv.parse(text, { fast: true }),
  "npm dotenv 16": dotenv16.parse,
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
