"""Names that look like another one: characters that nobody can see, and look-alikes.

Invisible are Unicode's default ignorable characters (DerivedCoreProperties.txt), line and paragraph
separators, blank letters, and spaces at the edges. Look-alikes are those of UTS #39, section 4, as
far as they look like ASCII (`console/lib/naming/confusables.txt`).
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_INVISIBLE_CATEGORIES = {"Cf", "Zl", "Zp"}
_BLANK = "\u2800\U0001d159"  # drawn without any ink
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    f"\U000e0000-\U000e0fff{_BLANK}]"
)
_JOINERS = "\u200c\u200d"
# Joiners and variation selectors change how these are drawn. Elsewhere nobody sees them.
_SHAPING = f"{_JOINERS}\ufe0e\ufe0f"
_KEYCAP = "\u20e3"
_VIRAMA = 9  # the canonical combining class
_LETTER = re.compile("[A-Za-z]")
_SPELLED_LIMIT = 3  # characters that a mark names


def _read_table() -> dict[int, str]:
    table: dict[int, str] = {}
    for line in (Path(__file__).parent / "confusables.txt").read_text("utf-8").splitlines():
        if not line.startswith("# "):
            text, *codes = line.split(" ")
            table |= {int(code, 16): text for code in codes}
    return table


_CONFUSABLE = _read_table()
_CONFUSABLE_BEYOND_ASCII = {code: text for code, text in _CONFUSABLE.items() if code > 127}


def visible_form(name: str) -> str:
    """Return what a reader sees of a name. Names with the same form look exactly alike."""
    if not name.isascii():
        seen = (sign for at, sign in enumerate(name) if not _is_invisible(name, at))
        name = unicodedata.normalize("NFC", "".join(seen))
    return " ".join(name.split())  # browsers collapse spaces, and a no-break space looks like one


def hidden_characters(name: str) -> list[str]:
    """Return the characters of a name that can't be seen, such as ["U+00AD"], each once."""
    if name.isascii() and name == name.strip():
        return []
    seen = [at for at, sign in enumerate(name) if not (_is_invisible(name, at) or sign.isspace())]
    edges = (seen[0], seen[-1]) if seen else (len(name), len(name))
    hidden = (
        sign
        for at, sign in enumerate(name)
        if _is_invisible(name, at) or (sign.isspace() and not edges[0] < at < edges[1])
    )
    return list(dict.fromkeys(f"U+{ord(sign):04X}" for sign in hidden))


def label_problem(name: str) -> str:
    """Return why nobody should type this as the name of an app or group, or "".

    It could reorder the words around it, or look like another name.
    """
    if hidden_characters(name) or any(unicodedata.category(sign) == "Cc" for sign in name):
        return "This name contains a line break or a character that can't be seen. Remove it."
    return ""


def _is_invisible(name: str, at: int) -> bool:
    sign = name[at]
    if sign in _SHAPING:
        return not _is_shaping(sign, name[:at].rstrip(_SHAPING)[-1:], name[at + 1 : at + 2])
    return unicodedata.category(sign) in _INVISIBLE_CATEGORIES or bool(_IGNORABLE.match(sign))


def _is_shaping(sign: str, before: str, after: str) -> bool:
    """Return True if a joiner or variation selector changes how its neighbors are drawn."""
    if _VIRAMA in {unicodedata.combining(it) for it in (before, after) if it}:
        return True
    if sign not in _JOINERS:
        return after == _KEYCAP or _is_symbol(before)
    if not (before and after):
        return False
    arabic = unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"
    return arabic or (_is_symbol(before) and _is_symbol(after))


def _is_symbol(sign: str) -> bool:
    """Return True for emoji and other symbols."""
    return sign > "\x7f" and unicodedata.category(sign) in {"So", "Sk", "Sm"}


def skeleton(name: str) -> str:
    """Return a text that is the same for names that a reader can mistake for each other."""
    text = visible_form(name)
    if not text.isascii():
        text = "".join(sign for sign in text if sign not in _SHAPING)
        text = unicodedata.normalize("NFD", text).translate(_CONFUSABLE)
        text = unicodedata.normalize("NFKD", text)
    return text.translate(_CONFUSABLE)


def _ascii_form(name: str) -> str:
    """Return the ASCII name that one with a few foreign characters looks like, or ""."""
    text = visible_form(name)
    if text.isascii() or not _LETTER.search(text):
        return ""
    text = unicodedata.normalize("NFD", text).translate(_CONFUSABLE_BEYOND_ASCII)
    text = unicodedata.normalize("NFKD", text)
    return text if text.isascii() else ""


def lookalike_marks(names: Iterable[str]) -> dict[str, str]:
    """Return what to say beside each name that is not what it seems, such as "Looks like main".

    Of names that look alike, the first one in ASCII is taken for the genuine one and not marked.
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[skeleton(name)].append(name)
    marks = {}
    for alike in groups.values():
        genuine = min(alike, key=_foreignness)
        for name in alike:
            other = spell_out(genuine) if name != genuine else _ascii_form(name)
            if mark := _mark(other, hidden_characters(name)):
                marks[name] = mark
    return marks


def _foreignness(name: str) -> tuple[bool, bool]:
    return bool(hidden_characters(name)), not name.isascii()


def _mark(other: str, hidden: list[str]) -> str:
    codes = ", ".join(hidden[:_SPELLED_LIMIT]) + (", …" if len(hidden) > _SPELLED_LIMIT else "")
    if other:
        return f"Looks like {other}" + (f", contains invisible {codes}" if hidden else "")
    return f"Contains invisible {codes}" if hidden else ""


def spell_out(name: str) -> str:
    """Return a name with its invisible characters as their codes, such as "ma<U+00AD>in"."""
    if not (hidden := {*hidden_characters(name)}):
        return name
    codes = ((f"U+{ord(sign):04X}", sign) for sign in name)
    return "".join(f"<{code}>" if code in hidden else sign for code, sign in codes)
