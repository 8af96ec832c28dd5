"""Parse pasted .env text, and quote values so that every common reader parses them the same way.

The readers are python-dotenv, npm's dotenv, Node's `util.parseEnv` and bash (`set -a; . file`).
docs/formats.md lists the versions that were tested.
"""

import re
from dataclasses import dataclass, field

from console.lib.text.dotenv_advice import after_quote, continues, has_colon

BYTE_LIMIT = 1_000_000  # of UTF-8
LINE_LIMIT = 10_000
ENTRY_LIMIT = 1_000

NUL = "The text contains a NUL character, which environment variables can't hold. Remove it."
LONE_SURROGATE = "The text contains half a character (a lone surrogate). Type it again."
_TOO_LARGE = f"The text is larger than {BYTE_LIMIT:,} bytes. Split it."
_LONE_RETURN = (
    "The text contains a carriage return without a line feed. Save it with standard line "
    "endings, or write \\r in double quotes."
)

_CONTINUED = (
    "The value that begins here seems to go on in line {}. Put a value of several lines in quotes."
)

_SPACE = " \t"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*+")
# Other languages' ways to set a variable
_COMMAND = re.compile(
    r"(?:set|setx|setenv|declare(?:[ \t]+-\w+)?|typeset|local|readonly|env|let|var|const|-)[ \t]+",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r'\\([ntr\\"$])')
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_COMMENT = re.compile(r"[ \t]#")
# Possessive quantifiers (*+) never backtrack, so an unclosed quote costs one pass over the text.
_QUOTED = {
    "'": re.compile(r"'([^']*+)'"),
    "`": re.compile(r"`([^`]*+)`"),
    '"': re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL),
}

# Everything else is quoted: some shell gives an = or ~ in the wrong place a meaning.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]+")
# python-dotenv unescapes \\ and \' in single quotes, and may read a \ before the closing quote as
# \'.
_SINGLE = re.compile(r"(?:[^'\\]|\\(?![\\']|\Z))*+")
# Excluded: what bash substitutes, and each \ that one of the readers takes for an escape.
_DOUBLE = re.compile(r"""(?:[^"`$\\]|\$(?=[ \t\n'.,;/%)]|\Z)|\\(?!["'`$\\abfnrtv\n]|\Z))*+""")


class Refused(ValueError):
    """Raised for text that can't be parsed.

    The message says where and what to do, and never quotes it. `line` counts from 1. It is None if
    the text as a whole is rejected.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message = message
        self.line = line
        super().__init__(message if line is None else f"Line {line}: {message}")


@dataclass(frozen=True)
class Entry:
    """A parsed variable and the line it starts on. The value may be a secret.

    If it `is_unread`, it stands for a stored value that nobody has read.
    """

    key: str
    value: str = field(repr=False)
    line: int
    is_unread: bool = False


class Entries:
    """Collects parsed variables.

    Rejects empty and duplicate names, and more than ENTRY_LIMIT of them.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, Entry] = {}

    def add(self, key: str, value: str, line: int) -> None:
        """Add a variable, or raise Refused."""
        if not key:
            raise Refused("The name is missing.", line)
        if key in self._by_key:
            first = self._by_key[key].line
            raise Refused(
                f"This name is already used on line {first}. Remove one of the two.", line
            )
        if len(self._by_key) == ENTRY_LIMIT:
            raise Refused(f"The text has more than {ENTRY_LIMIT:,} variables. Split it.", line)
        self._by_key[key] = Entry(key, value, line)

    def all(self) -> list[Entry]:
        """Return the variables in the order they were added."""
        return list(self._by_key.values())


def normalize(text: str) -> str:
    """Return `text` without a byte order mark and with LF for CRLF.

    Raises Refused if the text exceeds a limit or contains a NUL or a lone surrogate, which no
    environment variable can hold.
    """
    if len(text) > BYTE_LIMIT:  # cheap, so before anything that reads the whole text
        raise Refused(_TOO_LARGE)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise Refused(LONE_SURROGATE, line_at(text, error.start)) from None
    if size > BYTE_LIMIT:
        raise Refused(_TOO_LARGE)
    if line_at(text, len(text.removesuffix("\n"))) > LINE_LIMIT:
        raise Refused(f"The text has more than {LINE_LIMIT:,} lines. Split it.")
    if "\0" in text:
        raise Refused(NUL, line_at(text, text.index("\0")))
    return text


def valid_text(text: str, line: int) -> str:
    """Return a name or value that came from escapes. Raises Refused if no variable can hold it."""
    if "\0" in text:
        raise Refused(NUL, line)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(LONE_SURROGATE, line) from None
    return text


def line_at(text: str, position: int) -> int:
    """Return the number of the line that contains `position`, counted from 1."""
    return text.count("\n", 0, position) + 1


@dataclass(frozen=True)
class Document:
    """A parsed .env text. Comments are not kept, so a page can say so."""

    entries: list[Entry]
    has_comments: bool


def parse(text: str) -> list[Entry]:
    """Return the variables of a .env text in order, as `read` does."""
    return read(text).entries


def read(text: str) -> Document:
    r"""Parse a .env text.

    Understands comments, `export`, single quotes, double quotes and backticks over several lines,
    spaces around the =, empty values, CRLF and a byte order mark. In double quotes \n \t \r \\ \"
    and \$ are escapes. A # after a space starts a comment outside quotes. `$X` is kept as typed.

    Raises Refused, which names the line, rather than skip anything. A value that goes on in the
    next line without quotes is refused at the line where it begins.
    """
    source = normalize(text)
    if "\r" in source:
        raise Refused(_LONE_RETURN, line_at(source, source.index("\r")))
    return _Reader(source).read()


def quote(value: str) -> str | None:
    """Return `value` quoted so that all four readers agree on it, or None if no quoting does.

    The result is safe in a file that a shell sources: nothing in it is substituted.
    """
    if "\0" in value or "\r" in value or _may_interpolate(value):
        return None
    if _PLAIN.fullmatch(value):
        return value
    if _SINGLE.fullmatch(value):
        return f"'{value}'"
    return f'"{value}"' if _DOUBLE.fullmatch(value) else None


def _may_interpolate(value: str) -> bool:
    """Return True if python-dotenv might replace a part: it does so for ${…}, in any quotes.

    This is broader than its pattern, which rescans the rest for each ${ that stays open.
    """
    start = value.find("${")
    return start >= 0 and value.find("}", start) >= 0


class _Reader:
    """Reads a text line by line. `_above` is the unquoted entry on the line before, if any."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._line = 1
        self._entries = Entries()
        self._has_comments = False
        self._above: Entry | None = None

    def read(self) -> Document:
        start = 0
        while start < len(self._source):
            end = self._line_end(start)
            bare = self._source[start:end].strip(_SPACE)
            if bare and not bare.startswith("#"):
                end = self._read_entry(start, end, bare)
            else:
                self._has_comments |= bool(bare)
                self._above = None
            self._line += self._source.count("\n", start, end + 1)
            start = end + 1
        return Document(self._entries.all(), self._has_comments)

    def _line_end(self, start: int) -> int:
        end = self._source.find("\n", start)
        return len(self._source) if end < 0 else end

    def _read_entry(self, start: int, end: int, bare: str) -> int:
        """Add the entry that starts between `start` and `end`; return the end of its last line."""
        if self._above and continues(self._above.value, bare):
            raise Refused(_CONTINUED.format(self._line), self._above.line)
        equals = self._source.find("=", start, end)
        if has_colon(bare):
            raise Refused("Write = in place of the : after the name.", self._line)
        if equals < 0:
            raise self._no_equals(bare)
        key = self._key(self._source[start:equals])
        value, end = self._value(equals + 1, end)
        self._entries.add(key, value, self._line)
        is_plain = self._source[equals + 1 : end].strip(_SPACE)[:1] not in _QUOTED
        self._above = Entry(key, value, self._line) if is_plain else None
        return end

    def _no_equals(self, bare: str) -> Refused:
        if self._above and not _NAME.fullmatch(bare):
            return Refused(_CONTINUED.format(self._line), self._above.line)
        return Refused("The = is missing. Write KEY=value, or start comments with #.", self._line)

    def _key(self, text: str) -> str:
        key = text.strip(_SPACE)
        if key.startswith(("export ", "export\t")):
            key = key.removeprefix("export").lstrip(_SPACE)
        if command := _COMMAND.match(key):
            raise Refused(f"Remove “{command[0].strip()}” before the name.", self._line)
        if any(sign.isspace() for sign in key):
            raise Refused("Remove the space between the name and the =.", self._line)
        return key

    def _value(self, start: int, end: int) -> tuple[str, int]:
        """Return the value at `start` and the end of the line it ends on."""
        bare = self._source[start:end].strip(_SPACE)
        if (quote_char := bare[:1]) not in _QUOTED:
            value, *comment = _COMMENT.split(self._source[start:end], maxsplit=1)
            self._has_comments |= bool(comment)
            return value.strip(_SPACE), end
        found = _QUOTED[quote_char].match(self._source, self._source.index(quote_char, start))
        if found is None:
            raise Refused(f"The value's opening quote {quote_char} is never closed.", self._line)
        end = self._line_end(found.end())
        tail = self._source[found.end() : end].strip(_SPACE)
        if tail and not tail.startswith("#"):
            last = self._line + self._source.count("\n", start, found.end())
            whole = found[0] + _COMMENT.split(tail, maxsplit=1)[0].strip(_SPACE)
            raise Refused(after_quote(quote_char, whole), last)
        self._has_comments |= bool(tail)
        value = found[1]
        return _ESCAPE.sub(_unescape, value) if quote_char == '"' else value, end


def _unescape(escape: re.Match[str]) -> str:
    return _ESCAPED.get(escape[1], escape[1])
