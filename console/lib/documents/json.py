"""Parse JSON: one object of strings."""

import json
import re

from console.lib.text.dotenv import Entries, Entry, Refused, normalize, valid_text

# Possessive, so that it never backtracks.
_WHITESPACE = re.compile(r"[ \t\n\r]++")
_DECODER = json.JSONDecoder()
_NO_NAME = "Expected a name in double quotes, or there is one comma too many."
_NO_VALUE = "Expected a value in double quotes."
_NESTED = 'The value is an object or a list. Write it as text in quotes, with \\" for each " in it.'
_WRONG_TYPE = {
    **dict.fromkeys("{[", _NESTED),
    **dict.fromkeys("tf", "The value is true or false. Put it in quotes."),
    **dict.fromkeys("-0123456789", "The value is a number. Put it in quotes."),
    "n": 'The value is null. Write "" for an empty value.',
}


def parse_json(text: str) -> list[Entry]:
    """Return the variables of a JSON object of strings, in the order of the text.

    Raises Refused, with the line number, for anything else: invalid JSON, a duplicate name, or a
    value that isn't a string.
    """
    # Not json.loads: it knows no lines, keeps the last of two equal names, and recurses into
    # nested values.
    reader = _Reader(normalize(text))
    entries = Entries()
    reader.expect("{", "The text must start with {.")
    if not reader.accept("}"):
        _read_members(reader, entries)
    reader.expect("", "There is text after the closing }.")
    return entries.all()


def _read_members(reader: "_Reader", entries: Entries) -> None:
    while True:
        key = reader.string(_NO_NAME)
        line = reader.line
        reader.expect(":", "Expected a : after the name.")
        entries.add(key, reader.string(_WRONG_TYPE.get(reader.peek(), _NO_VALUE)), line)
        if not reader.accept(","):
            break
    reader.expect("}", "Expected a comma or the closing }.")


class _Reader:
    """A cursor in the text that knows its line."""

    def __init__(self, text: str) -> None:
        self.line = 1
        self._text = text
        self._at = 0

    def peek(self) -> str:
        """Skip whitespace. Return the next character without consuming it, or "" at the end."""
        if space := _WHITESPACE.match(self._text, self._at):
            self.line += space.group().count("\n")
            self._at = space.end()
        return self._text[self._at : self._at + 1]

    def accept(self, char: str) -> bool:
        found = self.peek() == char
        self._at += len(char) if found else 0
        return found

    def expect(self, char: str, message: str) -> None:
        if not self.accept(char):
            raise Refused(message, self.line)

    def string(self, message: str) -> str:
        if self.peek() != '"':
            raise Refused(message, self.line)
        try:
            text, self._at = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            raise Refused(_describe(error), self.line) from None
        return valid_text(text, self.line)


def _describe(error: json.JSONDecodeError) -> str:
    if error.msg.startswith("Invalid control character"):
        return "The quotes contain a line break or tab. Write \\n or \\t."
    if error.msg.startswith("Invalid"):
        return "This escape is not valid in JSON. Write \\\\ for a single \\."
    return "The quotes are never closed."
