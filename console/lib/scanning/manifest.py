"""The keys that a project declares in Git: `branchkeep.toml`, or otherwise `.env.example`."""

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from console.lib.naming.names import BRANCH_NAME_LIMIT
from console.lib.scanning.uses import SECRET, VARIABLE
from console.lib.text import dotenv
from console.lib.text.likely_secrets import token_format
from console.lib.value_types.kinds import Kind
from console.lib.value_types.types import ValueType

TOML, EXAMPLE = "branchkeep.toml", ".env.example"
MAX_KEYS = 1_000
MAX_PATTERNS = 20  # of one key
EVERY_BRANCH = ("*",)
_TABLES = {"secrets": SECRET, "variables": VARIABLE}
_RULES = {  # the fields that narrow a type
    Kind.INTEGER: {"min", "max"},
    Kind.LENGTH: {"min", "max"},
    Kind.ENUM: {"values"},
    Kind.PATTERN: {"pattern"},
}
_FIELDS = {"required", "description", "type", "min", "max", "values", "pattern"}
ANY = "any"  # the type that allows everything
_COMMENT = re.compile(r"[ \t]*#[ \t]?(.*)")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?[\w.-]+\s*=")  # commented out: may hold a value

WRONG_TABLE = "“{}” is not known here. Write [secrets.KEY] or [variables.KEY]."
WRONG_KEY = "“{}” needs a table, such as [{}.{}] with required = true."
WRONG_FIELD = (
    "“{}” is not known here. A key can have required, description, type, pattern, values, min and "
    "max."
)
WRONG_RULE = (
    "This type can't have {}. The types integer and length have min and max, enum has values, and "
    "pattern has pattern."
)
WRONG_LIMIT = "min and max must be whole numbers, without quotes."
WRONG_VALUES = 'values must be a list of texts, such as ["debug", "info"].'
WRONG_REQUIRED = 'required must be true, false or a list of branches, such as ["main"].'
LONG_REQUIRED = (
    f"required can list {MAX_PATTERNS} branches at most, with {BRANCH_NAME_LIMIT} characters each. "
    'Write a pattern, such as "release/*".'
)
WRONG_TEXT = "{} must be text in quotes."
NOT_UTF8 = "This file is not UTF-8 text. Save it as UTF-8."
TOO_MANY = f"This file has more than {MAX_KEYS:,} keys."


@dataclass(frozen=True)
class Declared:
    """A key that a manifest declares. `noun` "" is either kind.

    `required` has patterns of the branches that can't do without it. `type` is None if the manifest
    says nothing about its values, and `any_type` True if it says that any is allowed.
    """

    noun: str
    key: str
    line: int
    required: tuple[str, ...] = ()
    description: str = ""
    pattern: str = ""
    type: ValueType | None = None
    any_type: bool = False


class InvalidManifest(ValueError):
    """Raised for a manifest that can't be read. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def parse(name: str, data: bytes) -> list[Declared]:
    """Return what a manifest declares, in its order. Raises InvalidManifest."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidManifest(data.count(b"\n", 0, error.start) + 1, NOT_UTF8) from None
    return _parse_toml(text) if name == TOML else _parse_example(text)


def _parse_toml(text: str) -> list[Declared]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        last = text.count("\n") + 1
        what = str(error).partition(" (at ")[0]
        message = f"This is not valid TOML: {what}."
        raise InvalidManifest(int(found[1]) if found else last, message) from None
    except RecursionError:
        raise InvalidManifest(1, "This is not valid TOML: it is nested too deeply.") from None
    except ValueError:  # of Python, which TOML's own errors are, too
        raise InvalidManifest(1, "This is not valid TOML: a number is too long.") from None
    lines = _Lines(text)
    declared: list[Declared] = []
    for table, keys in document.items():
        noun = _TABLES.get(table)
        if noun is None or not isinstance(keys, dict):
            raise InvalidManifest(lines.of(table), WRONG_TABLE.format(_quoted(table)))
        for key, fields in keys.items():
            line = lines.of(key, table)
            if not isinstance(fields, dict):
                raise InvalidManifest(line, WRONG_KEY.format(_quoted(key), table, _quoted(key)))
            declared.append(_declared(noun, key, line, fields))
    if len(declared) > MAX_KEYS:
        raise InvalidManifest(1, TOO_MANY)
    return declared


def _quoted(name: str) -> str:
    """Return a name for a message, cut short if someone wrote a token in its place."""
    return f"{name[:4]}…" if token_format(name) else name[:100]


def _declared(noun: str, key: str, line: int, fields: dict[str, Any]) -> Declared:
    if unknown := next((it for it in fields if it not in _FIELDS), None):
        raise InvalidManifest(line, WRONG_FIELD.format(_quoted(unknown)))
    for name in ("description", "pattern", "type"):
        if not isinstance(fields.get(name, ""), str):
            raise InvalidManifest(line, WRONG_TEXT.format(name))
    required = _required(fields.get("required", True))
    if required is None:
        raise InvalidManifest(line, WRONG_REQUIRED)
    if len(required) > MAX_PATTERNS or any(len(it) > BRANCH_NAME_LIMIT for it in required):
        raise InvalidManifest(line, LONG_REQUIRED)  # each is compared with each branch
    try:
        value_type = _value_type(fields)
    except ValueError as error:
        raise InvalidManifest(line, str(error)) from None
    return Declared(
        noun,
        key,
        line,
        required,
        fields.get("description", ""),
        fields.get("pattern", ""),
        value_type,
        any_type=fields.get("type") == ANY,
    )


def _value_type(fields: dict[str, Any]) -> ValueType | None:
    """Return the type of a key's values, None if there is none. Raises ValueError."""
    kind = fields.get("type", "pattern" if "pattern" in fields else ANY)
    narrowing = fields.keys() - {"required", "description", "type"}
    if unfit := sorted(narrowing - _RULES.get(kind, set())):
        raise ValueError(WRONG_RULE.format(" and ".join(unfit)))
    return None if kind == ANY else ValueType.parse(kind, _rule(fields))


def _rule(fields: dict[str, Any]) -> str:
    """Return the rule as it is typed on the page of a type. Raises ValueError."""
    limits = [fields.get(name, "") for name in ("min", "max")]
    if any(not isinstance(it, int) or isinstance(it, bool) for it in limits if it != ""):
        raise ValueError(WRONG_LIMIT)
    if limits != ["", ""]:
        return f"{limits[0]}..{limits[1]}"
    values = fields.get("values", [])
    if not isinstance(values, list) or not all(isinstance(it, str) for it in values):
        raise ValueError(WRONG_VALUES)
    return "\n".join(values) or fields.get("pattern", "")


def _required(value: object) -> tuple[str, ...] | None:
    if isinstance(value, bool):
        return EVERY_BRANCH if value else ()
    if isinstance(value, list) and all(isinstance(it, str) for it in value):
        return tuple(value)
    return None


class _Lines:
    """Finds the line on which a TOML document names a key. tomllib doesn't tell."""

    def __init__(self, text: str) -> None:
        self._first: dict[str, int] = {}
        self._in_header: dict[tuple[str, str], int] = {}
        for number, line in enumerate(text.split("\n"), 1):
            words = re.findall(r"[A-Za-z0-9_.-]+", line.partition("#")[0][:1_000])
            for word in (part for it in words for part in (it, *it.split("."))):
                self._first.setdefault(word, number)
            if line.lstrip().startswith("["):
                header = [part for word in words for part in word.split(".", 1)]
                if len(header) > 1:
                    self._in_header.setdefault((header[0], header[1]), number)

    def of(self, key: str, table: str = "") -> int:
        return self._in_header.get((table, key)) or self._first.get(key, 1)


def _parse_example(text: str) -> list[Declared]:
    """Return the keys of an example file. The comment above a key is its description."""
    try:
        entries = dotenv.parse(text)
    except dotenv.Refused as refusal:
        raise InvalidManifest(refusal.line or 1, refusal.message) from None
    lines = text.split("\n")
    return [
        Declared("", entry.key, entry.line, description=_comment_above(lines, entry.line))
        for entry in entries
    ]


def _comment_above(lines: list[str], line: int) -> str:
    above: list[str] = []
    for text in reversed(lines[: line - 1]):
        comment = _COMMENT.fullmatch(text.rstrip("\r"))
        if not comment or len(above) == 5 or _ASSIGNMENT.match(comment[1]):
            break
        above.insert(0, comment[1].strip())
    return " ".join(filter(None, above))
