"""File formats for a set of variables: to render all of them, and to read JSON back.

Pure. docs/formats.md says which format holds what.
"""

from envvars_app.formats.base import Format, Rendered
from envvars_app.formats.dart import DART
from envvars_app.formats.env import ENV
from envvars_app.formats.gradle import GRADLE
from envvars_app.formats.json import JSON, parse_json
from envvars_app.formats.plist import PLIST

__all__ = ["FORMATS", "Format", "Rendered", "parse_json"]

FORMATS: dict[str, Format] = {item.name: item for item in (ENV, JSON, DART, PLIST, GRADLE)}
