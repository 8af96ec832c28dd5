"""The kinds of types, and which values each allows. Nothing here repeats a value."""

import base64
import json
import re
from enum import StrEnum
from typing import NoReturn
from urllib.parse import urlsplit


class Kind(StrEnum):
    """What a value has to be."""

    URL = "url"
    EMAIL = "email"
    INTEGER = "integer"
    ENUM = "enum"
    PATTERN = "pattern"
    LENGTH = "length"
    PEM = "pem"
    JSON = "json"


INTEGER_DIGITS = 1_000
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]")  # urlsplit drops some of these
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}")
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DASHES = "-----"
_BLOCK = re.compile(
    r"^-----BEGIN ([A-Z0-9 ]{1,60})-----[ \t]*\n(.*?)^-----END \1-----[ \t]*$",
    re.DOTALL | re.MULTILINE,
)


def is_url(text: str) -> bool:
    """Return True for an absolute URL with a host, of any scheme."""
    if _SPACE.search(text) or not _SCHEME.match(text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port or an address that can't be one
        return False


def is_email(text: str) -> bool:
    """Return True for one address, without a name around it."""
    local, at, domain = text.rpartition("@")
    if not at or len(text) > 254 or not _LOCAL.fullmatch(local):
        return False
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    return not dots and all(_LABEL.fullmatch(label) for label in domain.split("."))


def integer_of(text: str) -> int | None:
    """Return the whole number that a text is, None if it is none or too long."""
    is_integer = len(text) <= INTEGER_DIGITS and _INTEGER.fullmatch(text)
    return int(text) if is_integer else None


def json_problem(text: str) -> str:
    """Return where a text stops being JSON, "" if it is JSON. NaN and Infinity are not."""
    try:
        json.loads(text, parse_constant=_refuse, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        return f"This isn't JSON from line {error.lineno}, column {error.colno} on."
    except (ValueError, RecursionError):
        return "This isn't JSON."
    return ""


def _refuse(constant: str) -> NoReturn:
    raise ValueError


def is_pem(text: str) -> bool:
    """Return True for one or more blocks of PEM, such as a key or a chain of certificates.

    Text around them is allowed, as programs that read PEM leave it out.
    """
    lines = text.replace("\r\n", "\n")
    bodies = [found[2] for found in _BLOCK.finditer(lines)]
    return bool(bodies) and _DASHES not in _BLOCK.sub("", lines) and all(map(_is_body, bodies))


def _is_body(text: str) -> bool:
    """Return True for base64, which headers such as DEK-Info and an empty line may precede."""
    head, separator, rest = text.partition("\n\n")
    data = rest if separator and ":" in head else text
    try:
        return bool(base64.b64decode("".join(data.split()), validate=True))
    except ValueError:
        return False
