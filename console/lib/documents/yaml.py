"""Parse YAML: one mapping of names to plain values.

Only events are read: no object is made, nothing is nested or repeated, and so no text can grow.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from console.lib.text.dotenv import Entries, Entry, Refused, line_at, normalize, valid_text

_STRING = "tag:yaml.org,2002:str"
_NULLS = {"~", "null", "Null", "NULL"}
_MAPPING = "Write one KEY: value per line."
_NESTED = "The value is a list or has keys of its own. Write it as text in quotes."
_ALIAS = "Aliases (*name) are not read. Write the value itself."
_TAG = "Tags (!name) are not read. Write the value as text."
_NULL = 'The value is null. Write "" for an empty value.'
_MERGE = "Merge keys (<<) are not read. Write the keys themselves."
_SECOND = "The text has more than one document. Split it."
_INVALID = "This is not valid YAML. Check quotes, colons and spaces from here on."
_TOO_LARGE = "The number after %YAML or \\U is too large."
# libyaml is ten times as fast. Both read the same language.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> list[Entry]:
    """Return the keys and values of a YAML mapping, in the order of the text.

    Numbers, dates and true are taken as they are written. Raises Refused, with the line number, for
    anything nested, aliases, tags, null, a duplicate name, or invalid YAML.
    """
    source = normalize(text)
    entries = Entries()
    try:
        _read(yaml.parse(source, Loader=_LOADER), source, entries)
    except yaml.reader.ReaderError as error:
        raise Refused(_INVALID, line_at(source, min(error.position, len(source)))) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Refused(_INVALID, mark.line + 1 if mark else None) from None
    except Refused:
        raise
    except (ValueError, OverflowError):  # PyYAML converts these two numbers unchecked
        raise Refused(_TOO_LARGE) from None
    return entries.all()


def _read(events: Iterator[Any], source: str, entries: Entries) -> None:
    next(events)  # the start of the stream
    if isinstance(next(events), yaml.StreamEndEvent):
        return
    event = next(events)
    if _is_empty(event):
        return
    if not isinstance(event, yaml.MappingStartEvent):
        raise Refused(_MAPPING, _line(event))
    _check_tag(event)
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _scalar(event, _MAPPING)
        if key == "<<" and event.implicit[0]:
            raise Refused(_MERGE, _line(event))
        value = next(events)
        written = _scalar(value, _NESTED)
        if value.implicit[0] and written in _NULLS:
            raise Refused(_NULL, _line(value))
        entries.add(key, written, _line(event))
    next(events)  # the end of the document
    if not isinstance(event := next(events), yaml.StreamEndEvent):
        raise Refused(_SECOND, _line(event))


def _is_empty(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == ""


def _scalar(event: Any, otherwise: str) -> str:
    if isinstance(event, yaml.AliasEvent):
        raise Refused(_ALIAS, _line(event))
    if not isinstance(event, yaml.ScalarEvent):
        raise Refused(otherwise, _line(event))
    _check_tag(event)
    return valid_text(event.value, _line(event))


def _check_tag(event: Any) -> None:
    if event.tag not in {None, "!", _STRING}:
        raise Refused(_TAG, _line(event))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
