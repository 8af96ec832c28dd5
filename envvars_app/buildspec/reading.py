"""Parsing of a build specification into YAML nodes that know their position.

The text is only composed into nodes: no tag constructs an object, and the depth is bounded.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

# Composing is recursive, so unbounded nesting could exhaust the stack.
MAX_DEPTH = 20  # of nesting; what Amplify documents needs eight
STRING = "tag:yaml.org,2002:str"
NULL = "tag:yaml.org,2002:null"
MERGE = "tag:yaml.org,2002:merge"  # <<

TOO_LARGE = "The number after %YAML or \\U is too large. The largest character is \\U0010FFFF."
# A YAML escape can produce a lone surrogate, which can't be encoded as UTF-8.
_SURROGATE = re.compile("[\ud800-\udfff]")


class InvalidYaml(ValueError):
    """Raised for a text that isn't YAML, or YAML that makes no sense here. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def parse(text: str) -> yaml.Node | None:
    """Return the root node, or None for an empty text. Raises InvalidYaml."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        char = f"U+{ord(text[error.position]):04X}"
        raise InvalidYaml(
            line_at(text, error.position), f"YAML can't contain the character {char}. Remove it."
        ) from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = line_at(text, mark.index) if mark else 1
        raise InvalidYaml(line, _friendly_message(error.problem or "it ends too early")) from None
    except (ValueError, OverflowError):  # PyYAML converts these two numbers unchecked
        raise InvalidYaml(line_at(text, loader.index), TOO_LARGE) from None


def line_at(text: str, index: int) -> int:
    """Return the number of the line, from 1, that `index` is on.

    PyYAML's own line numbers also count U+0085 and U+2028, which editors don't.
    """
    return text.count("\n", 0, index) + 1


class _Loader(yaml.SafeLoader):
    """A loader that refuses tags, complex keys and deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # it has no types
        if unsupported := self._find_unsupported(
            event, isinstance(parent, yaml.MappingNode) and index is None
        ):
            raise yaml.MarkedYAMLError(problem=unsupported, problem_mark=event.start_mark)
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _find_unsupported(self, event: Any, is_key: bool) -> str:
        if getattr(event, "tag", None):
            return "a tag"
        if is_key and not isinstance(event, yaml.ScalarEvent):
            return "a key"
        if _SURROGATE.search(getattr(event, "value", "")):
            return "half a character"
        return "the depth" if self.depth == MAX_DEPTH else ""


# What PyYAML says, in words that say what to do
_FRIENDLY_MESSAGES = {
    "a tag": "Build specifications don't support tags such as !name. Remove this one.",
    "a key": "A key must be one plain word. Put text that starts with { or [ in quotes.",
    "half a character": (
        "Escapes from \\ud800 to \\udfff are half a character. Write the character itself."
    ),
    "the depth": f"This is nested more than {MAX_DEPTH} levels deep. Amplify's keys need eight.",
    "but found '*'": "Text that starts with * needs quotes, such as '**/*'.",
    "found undefined alias": "Text that starts with * needs quotes, such as '*.js'.",
    "found character '\\t'": "YAML can't be indented with tabs. Use spaces.",
    "mapping values are not allowed": (
        "A line can have only one “key: value”. Check the indentation, or put text that contains "
        "“: ” in quotes."
    ),
    "found another document": (
        "A build specification must be a single document. Remove the --- separator."
    ),
    "could not find expected ':'": "This line or the one before it is missing a colon.",
    "found character '`'": "Text that starts with ` needs quotes.",
    "found character '@'": "Text that starts with @ needs quotes.",
    "found unexpected end of stream": "A quote is opened but never closed.",
    "found character '%'": "Text that starts with % needs quotes.",
    "<stream end>": "A bracket, a brace or a quote is never closed.",
    "expected <block end>": (
        "This line does not fit the lines above it. Check its indentation; put text that "
        "contains quotes in quotes."
    ),
}


def _friendly_message(problem: str) -> str:
    for part, message in _FRIENDLY_MESSAGES.items():
        if part in problem:
            return message
    return f"This is not valid YAML: {problem}. Check the indentation and the quotes here."


def mapping_items(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Yield a mapping's keys and values. Any other node yields nothing."""
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value) for key, value in node.value)


def merged_items(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Yield a mapping's keys and values, and those that merge keys (<<) supply."""
    waiting, seen = [node], set()
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            waiting += current.value
        elif isinstance(current, yaml.MappingNode):
            waiting += [value for key, value in current.value if key.tag == MERGE]
            yield from mapping_items(current)


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == NULL
