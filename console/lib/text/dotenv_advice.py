"""Recognize what people paste that isn't valid .env text, and say what to write instead."""

import re

_ASSIGNMENT = re.compile(r"(?:export[ \t]++)?[A-Za-z_][A-Za-z0-9_.-]*+[ \t]*+=")
# A colon after the name, as in YAML and JSON
_COLON = re.compile(r"""(["']?)[A-Za-z_][A-Za-z0-9_.-]*+\1[ \t]*+:(?!//)""")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}+")
_BASE64_LINE = re.compile(r"([A-Za-z0-9+/]{2,}+)(={0,2})")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"')


def continues(value: str, line: str) -> bool:
    """Return True if an unquoted value evidently goes on in `line`, the line below it."""
    if "-----BEGIN " in value and "-----END " not in value:
        return True
    if value.endswith("\\") or (value[:1] in {"{", "["} and not _is_closed(value)):
        return _ASSIGNMENT.match(line) is None
    tail = _BASE64_LINE.fullmatch(line)
    if tail is None or _BASE64.fullmatch(value) is None:
        return False
    # Base64 is wrapped after 64 or 76 characters. Names of variables are seldom in mixed case.
    wrapped = len(value) in {64, 76} and _looks_random(value) and not tail[1].isupper()
    return tail[2] == "==" or wrapped or _looks_random(tail[1])


def _is_closed(value: str) -> bool:
    """Return True if the brackets of a JSON text are balanced. Strings in it don't count."""
    bare = _JSON_STRING.sub("", value)
    return sum(map(bare.count, "{[")) <= sum(map(bare.count, "}]"))


def _looks_random(text: str) -> bool:
    """Return True for a long text in mixed case with digits, as Base64 is."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return len(text) >= 20 and all(any(map(kind, text)) for kind in kinds)


def has_colon(line: str) -> bool:
    """Return True if a colon follows the name, as in YAML and JSON."""
    line = line.removeprefix("- ")
    found = _COLON.match(line)
    return found is not None and (
        "=" not in line or line[found.end() :][:1] in {" ", "\t", '"', "'"}
    )


def after_quote(quote_char: str, value: str) -> str:
    """Return what to do about text after the closing quote."""
    problem = f"There is text after the closing {quote_char}."
    if not value.endswith(quote_char):
        return f"{problem} Put the whole value in quotes."
    # The value is quoted as a whole and contains its own quotes, or a shell's way to write one.
    inner = value[1:-1].replace("'\"'\"'", "'")
    unused = [sign for sign in "'\"`" if sign not in inner and not (sign == '"' and "\\" in inner)]
    if unused:
        advice = f"Put {unused[0]}…{unused[0]} around it instead."
    else:
        advice = 'Put "…" around it, and write \\" for each " and \\\\ for each \\.'
    return f"{problem} The value contains {quote_char} itself. {advice}"
