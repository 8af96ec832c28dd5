"""Property list: Apple's XML, written by Python's plistlib."""

import plistlib
from collections.abc import Mapping
from xml.parsers.expat import ExpatError

from envvars_app.formats.base import Format, LeftOut, Rendered, comments, gather

_NOT_XML = "The value contains a character that XML can't hold or would change. Use JSON."
_ROOT = '<plist version="1.0">\n'


def _render(variables: Mapping[str, str]) -> Rendered:
    kept, left_out = gather(variables, _key)
    text = plistlib.dumps({key: variables[key] for key in kept}).decode()
    told = "".join(comments(left_out, "<!-- {} -->\n"))
    return Rendered(text.replace(_ROOT, _ROOT + told, 1), left_out)


def _key(key: str, value: str) -> str:
    """Return `key` where the variable comes back as it is: what XML changes is easier tried."""
    try:
        back = plistlib.loads(plistlib.dumps({key: value}))
    except (ValueError, ExpatError):
        raise LeftOut(_NOT_XML) from None
    if back != {key: value}:
        raise LeftOut(_NOT_XML)
    return key


PLIST = Format("plist", "Property list", "Env.plist", "application/xml", _render)
