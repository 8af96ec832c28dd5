"""How a value stands on a page: what can't be seen in it is said beside it. Pure."""

from dataclasses import dataclass, field

LONGEST = 400  # characters of a value on a page that shows many
BEFORE = 60  # characters before the first difference

_EDGES = {" ": "a space", "\n": "a line break", "\t": "a tab"}


@dataclass(frozen=True)
class Shown:
    """A value's text, or the part of it around what differs, and what to say of it."""

    text: str = field(repr=False)  # templates' logs hold no value that may become a secret
    remark: str = ""


def shown(value: str, other: str = "", longest: int = LONGEST) -> Shown:
    """Return how to show `value`; of a long one, the part where it begins to differ from `other`.

    Nothing is left out that the remark does not tell of.
    """
    start = max(0, _agree(value, other) - BEFORE) if len(value) > longest else 0
    part = value[start : start + longest]
    cut = f"{len(part):,} of {len(value):,} characters" if len(part) < len(value) else ""
    text = ("…" if start else "") + part + ("…" if start + len(part) < len(value) else "")
    return Shown(text, _sentence([*_unseen(value), cut]))


def _agree(value: str, other: str) -> int:
    """Return how many characters the two begin with alike, less where one is the other's start."""
    if not other:
        return 0
    pairs = zip(value, other, strict=False)
    alike = next((at for at, (one, two) in enumerate(pairs) if one != two), None)
    return min(len(value), len(other)) if alike is None else alike


def _unseen(value: str) -> list[str]:
    """Return what a reader would not notice."""
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
