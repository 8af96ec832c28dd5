"""Preview a value on a page and name the characters in it that a reader can't see."""

import re
from dataclasses import dataclass, field

MAX_PREVIEW = 400  # characters
CONTEXT = 60  # characters shown before the first difference

# Invisible characters of Unicode's categories Cc, Cf, Zl and Zp, and letters and marks that render
# as nothing, such as Hangul fillers and variation selectors. Others have rules of their own below.
_INVISIBLE = (
    "\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200e\u200f"
    "\u2028-\u202e\u2061-\u206f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_END = r"(?![\s\S])"  # `$` also matches before a final line break
# What a pattern finds, in words, and what to put in its place, or None to leave it. The patterns
# mean the same to Python and, with the flag "u", to JavaScript (console/lib/text/remarks.py).
RULES: tuple[tuple[str, str, str | None], ...] = (
    (r"^\n+", "starts with a line break", ""),
    (r"^ +", "starts with a space", ""),
    (r"^\t+", "starts with a tab", ""),
    ("^\ufeff", "starts with a byte order mark", ""),
    (r"(?<=[^\n])\n+" + _END, "ends with a line break", ""),
    (r"(?<=[^ ]) +" + _END, "ends with a space", ""),
    (r"(?<=[^\t])\t+" + _END, "ends with a tab", ""),
    (r"(?<=[^\t])\t+(?=[^\t])", "contains a tab", None),
    (r"\r\n?", "contains a carriage return", "\n"),
    ("[\xa0\u2007\u202f]", "contains a no-break space", " "),
    ("[\u1680\u2000-\u2006\u2008-\u200a\u205f\u3000]", "contains an unusual space", " "),
    ("[\u200b-\u200d\u2060]|(?<=[\\s\\S])\ufeff", "contains a zero-width character", ""),
    (f"[{_INVISIBLE}]", "contains an invisible character", ""),
)
LINE_BREAK = (
    "The value starts or ends with a line break, which is rarely meant. Enter it without, or "
    "choose “Keep line breaks at the ends of values” before you save."
)
_RULES = tuple((re.compile(pattern), words) for pattern, words, _ in RULES)
_REPLACED = tuple(
    (re.compile(found), instead) for found, _, instead in RULES if instead is not None
)


@dataclass(frozen=True)
class Preview:
    """A value's text, or the part that differs, and a remark on what isn't visible."""

    text: str = field(repr=False)  # logs call repr, and a variable may hold a secret
    remark: str = ""


def preview_value(value: str, other: str = "", longest: int = MAX_PREVIEW) -> Preview:
    """Return a preview of `value`. A long value is cut to where it starts to differ from `other`.

    The remark mentions everything that is left out or can't be seen.
    """
    start = max(0, _common_prefix_length(value, other) - CONTEXT) if len(value) > longest else 0
    part = value[start : start + longest]
    cut = f"{len(part):,} of {len(value):,} characters" if len(part) < len(value) else ""
    text = ("…" if start else "") + part + ("…" if start + len(part) < len(value) else "")
    return Preview(text, _sentence([*invisible_parts(value), cut]))


def _common_prefix_length(value: str, other: str) -> int:
    """Return the length of the common prefix, or 0 without `other`."""
    if not other:
        return 0
    pairs = zip(value, other, strict=False)
    alike = next((at for at, (one, two) in enumerate(pairs) if one != two), None)
    return min(len(value), len(other)) if alike is None else alike


def describe_invisible(value: str) -> str:
    """Return a sentence on the characters that a reader can't see, or ""."""
    parts = ", ".join(invisible_parts(value))
    return f"The value {parts}." if parts else ""


def without_invisible(text: str) -> str:
    """Return the text without characters that a reader can't see, and with ordinary spaces.

    Does the same as the button "Remove it" at a value.
    """
    cleaned = text
    for pattern, instead in _REPLACED:
        cleaned = pattern.sub(instead, cleaned)
    # Until nothing is left: a space can stand before a line break at the end.
    return cleaned if cleaned == text else without_invisible(cleaned)


def has_line_break_at_end(value: str) -> bool:
    """Return True if the value starts or ends with a line break."""
    return value.strip("\r\n") != value


def invisible_parts(value: str) -> list[str]:
    """Return what a reader can't see, in words that follow "The value"."""
    if value.isascii() and value.isprintable() and value == value.strip(" "):
        return []  # nearly all values, and lists have many
    return [words for pattern, words in _RULES if pattern.search(value)]


def _sentence(remarks: list[str]) -> str:
    text = ", ".join(filter(None, remarks))
    return text[:1].upper() + text[1:]
