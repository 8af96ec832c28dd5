"""Parse texts that hold keys and values: .env, JSON, YAML and CSV, each with the same limits."""

import re
from collections.abc import Callable, Sequence

from console.lib.documents import csv, gen1, json, yaml
from console.lib.text import dotenv
from console.lib.text.dotenv import Entry

FORMATS: dict[str, str] = {"env": ".env", "json": "JSON", "yaml": "YAML", "csv": "CSV"}
_PARSERS: dict[str, Callable[[str], list[Entry]]] = {
    "env": dotenv.parse,
    "json": json.parse_json,
    "yaml": yaml.parse_yaml,
    "csv": csv.parse_csv,
}
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*+"
_YAML = re.compile(rf"""---|%YAML|(["']?){_NAME}\1[ ]?:([ \t]|\Z)""")
_CSV = re.compile(rf"""\ufeff?("?){_NAME}\1[ ]?[,;\t]""")
_SEARCHED = 100_000  # characters that are searched for the first line


def guess_format(text: str) -> str:
    """Return the format of a pasted text, by its first line that is no comment."""
    beginning = text[:_SEARCHED].lstrip("\ufeff \t\r\n")
    if beginning.startswith("{"):
        return "json"
    lines = (line.strip() for line in beginning.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if _YAML.match(first):
        return "yaml"
    return "csv" if _CSV.match(first) else "env"


def parse(text: str, format: str = "", environment: str = "") -> Sequence[Entry]:
    """Return the keys and values of a text, in its order. Without a format, it is guessed.

    `environment` is one of `gen1.environments`, if the text has any. The default is the first.
    Raises dotenv.Refused, which names the line, rather than skip anything.
    """
    if not format and (names := gen1.environments(text)):
        return gen1.parse_environment(text, environment if environment in names else names[0])
    return _PARSERS[format if format in FORMATS else guess_format(text)](text)
