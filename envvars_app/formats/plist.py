"""Property list: Apple's XML format, written with plistlib."""

import plistlib
from collections.abc import Mapping
from xml.parsers.expat import ExpatError

from envvars_app.formats.base import CannotHold, Format, Rendered, omission_comments, render_each

_NOT_XML = "The value contains a character that XML can't hold or would change. Use JSON."
_ROOT = '<plist version="1.0">\n'


def _render(variables: Mapping[str, str]) -> Rendered:
    kept, left_out = render_each(variables, _round_trip)
    text = plistlib.dumps({key: variables[key] for key in kept}).decode()
    comments = "".join(omission_comments(left_out, "<!-- {} -->\n"))
    return Rendered(text.replace(_ROOT, _ROOT + comments, 1), left_out)


def _round_trip(key: str, value: str) -> str:
    """Return `key` if XML preserves the variable. Raises CannotHold.

    We write and parse it, because XML's own rules (control characters, line ends) are many.
    """
    try:
        back = plistlib.loads(plistlib.dumps({key: value}))
    except (ValueError, ExpatError):
        raise CannotHold(_NOT_XML) from None
    if back != {key: value}:
        raise CannotHold(_NOT_XML)
    return key


PLIST = Format("plist", "Property list", "Env.plist", "application/xml", _render)
