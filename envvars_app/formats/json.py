"""JSON: the lossless format, one object of strings."""

import json
import re
from collections.abc import Mapping

from console.lib.dotenv import HALF_A_CHARACTER, NUL, Entries, Entry, Refused, readable
from envvars_app.formats.base import Format, Rendered, gather

_SPACE = re.compile(r"[ \t\n\r]++")
_DECODER = json.JSONDecoder()
_NO_NAME = "Expected a name in double quotes, or there is one comma too many."
_NO_VALUE = "Expected a value in double quotes."
_NESTED = 'The value is an object or a list. Write it as text in quotes, with \\" for each " in it.'
_INSTEAD = {
    **dict.fromkeys("{[", _NESTED),
    **dict.fromkeys("tf", "The value is true or false. Put it in quotes."),
    **dict.fromkeys("-0123456789", "The value is a number. Put it in quotes."),
    "n": 'The value is null. Write "" for an empty value.',
}


def parse_json(text: str) -> list[Entry]:
    """Return the variables of a JSON object of strings, in its order.

    Raises Refused, with the line, for anything else: an object in it, a number, a name that
    comes twice, or what isn't JSON. Nothing nested is ever read, so depth costs nothing.
    """
    reader = _Reader(readable(text))
    entries = Entries()
    reader.expect("{", "The text must start with {.")
    if not reader.goes_past("}"):
        _read_members(reader, entries)
    reader.expect("", "There is text after the closing }.")
    return entries.all()


def _read_members(reader: "_Reader", entries: Entries) -> None:
    while True:
        key = reader.string(_NO_NAME)
        line = reader.line
        reader.expect(":", "Expected a : after the name.")
        entries.add(key, reader.string(_INSTEAD.get(reader.next(), _NO_VALUE)), line)
        if not reader.goes_past(","):
            break
    reader.expect("}", "Expected a comma or the closing }.")


class _Reader:
    """A place in the text, and its line."""

    def __init__(self, text: str) -> None:
        self.line = 1
        self._text = text
        self._at = 0

    def next(self) -> str:
        """Go past white space; return the sign that follows, or "" at the end."""
        if space := _SPACE.match(self._text, self._at):
            self.line += space.group().count("\n")
            self._at = space.end()
        return self._text[self._at : self._at + 1]

    def goes_past(self, sign: str) -> bool:
        found = self.next() == sign
        self._at += len(sign) if found else 0
        return found

    def expect(self, sign: str, otherwise: str) -> None:
        if not self.goes_past(sign):
            raise Refused(otherwise, self.line)

    def string(self, otherwise: str) -> str:
        if self.next() != '"':
            raise Refused(otherwise, self.line)
        try:
            text, self._at = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            raise Refused(_said(error), self.line) from None
        return _checked(text, self.line)


def _said(error: json.JSONDecodeError) -> str:
    if error.msg.startswith("Invalid control character"):
        return "The quotes contain a line break or tab. Write \\n or \\t."
    if error.msg.startswith("Invalid"):
        return "This escape is not valid in JSON. Write \\\\ for a single \\."
    return "The quotes are never closed."


def _checked(text: str, line: int) -> str:
    if "\0" in text:
        raise Refused(NUL, line)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(HALF_A_CHARACTER, line) from None
    return text


def _render(variables: Mapping[str, str]) -> Rendered:
    kept, left_out = gather(variables, lambda key, value: key)
    text = json.dumps({key: variables[key] for key in kept}, indent=2, ensure_ascii=False)
    return Rendered(text + "\n", left_out)


JSON = Format("json", "JSON", "env.json", "application/json", _render)
