"""Preview a value on a page and name the characters in it that a reader can't see."""

from dataclasses import dataclass, field

MAX_PREVIEW = 400  # characters
CONTEXT = 60  # characters shown before the first difference

_EDGES = {" ": "a space", "\n": "a line break", "\t": "a tab"}


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
    return Preview(text, _sentence([*_invisible_parts(value), cut]))


def _common_prefix_length(value: str, other: str) -> int:
    """Return the length of the common prefix, or 0 without `other`."""
    if not other:
        return 0
    pairs = zip(value, other, strict=False)
    alike = next((at for at, (one, two) in enumerate(pairs) if one != two), None)
    return min(len(value), len(other)) if alike is None else alike


def _invisible_parts(value: str) -> list[str]:
    remarks = []
    if value[:1] in _EDGES:
        remarks.append(f"starts with {_EDGES[value[0]]}")
    if value[-1:] in _EDGES and len(value) > 1:
        remarks.append(f"ends with {_EDGES[value[-1]]}")
    if "\r" in value:
        remarks.append("contains a carriage return")
    if not value.replace("\n", "").replace("\r", "").replace("\t", "").isprintable():
        remarks.append("contains an invisible character")
    return remarks


def _sentence(remarks: list[str]) -> str:
    text = ", ".join(filter(None, remarks))
    return text[:1].upper() + text[1:]
