"""Which values the files hold that the recipes write: each check returns the reason, or ""."""

from console.lib.text.dotenv import quote
from envvars_app.formats.env import ENV
from envvars_app.formats.plist import PLIST

_QUOTES = ("'", '"', "`")


def holds_any(_value: str) -> str:
    """Return "": the file holds every value."""
    return ""


def holds_plain(value: str) -> str:
    """Return why .env readers or a shell don't read back a value without quotes."""
    if not value or quote(value) == value:
        return ""
    if "\n" in value:
        return "It has several lines; without quotes, only the first one is read."
    if "#" in value:
        return "It contains a #, which starts a comment without quotes."
    if value != value.strip():
        return "It starts or ends with a space or tab, which is dropped without quotes."
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        return "It starts or ends with a quote, which is dropped."
    return "It contains characters that a shell or a reader of .env changes without quotes."


def holds_quoted(value: str) -> str:
    """Return why not all readers of .env read back a value in quotes."""
    return ENV.render({"X": value}).left_out.get("X", "")


def holds_for_expanding(value: str) -> str:
    """Return why npm's dotenv with expansion doesn't read back a value in quotes."""
    if "\r" in value:
        return "The value contains a carriage return, which .env parsers change. Use JSON."
    if "\\$" in value:
        return "The value contains \\$, which these frameworks read in different ways. Use JSON."
    if value.endswith("\\"):
        return "The value ends with \\, which these frameworks take for an escape. Use JSON."
    unused = [sign for sign in _QUOTES if sign not in value]
    if not unused or (unused == ['"'] and ("\\n" in value or "\\r" in value)):
        return "The value contains ', ` and \", so no quotes fit around it. Use JSON."
    return ""


def holds_xml(value: str) -> str:
    """Return why XML can't hold a value."""
    return PLIST.render({"X": value}).left_out.get("X", "")


def expansion_note(value: str) -> str:
    """Return what frameworks that expand .env files make of a value, or ""."""
    return (
        "It contains a $, which Vite, Next.js and Create React App expand." if "$" in value else ""
    )
