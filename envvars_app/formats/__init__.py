"""File formats of variables, and Amplify's rules for keys and values.

No Django. docs/formats.md lists what each format can hold.
"""

from envvars_app.formats.base import Format, Rendered
from envvars_app.formats.dart import DART
from envvars_app.formats.env import ENV
from envvars_app.formats.gradle import GRADLE
from envvars_app.formats.json import JSON
from envvars_app.formats.plist import PLIST

__all__ = ["FORMATS", "Format", "Rendered"]

FORMATS: dict[str, Format] = {item.name: item for item in (ENV, JSON, DART, PLIST, GRADLE)}
