"""Checks of a build specification against the keys that Amplify documents."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import yaml

from envvars_app.buildspec import keys
from envvars_app.buildspec.reading import (
    MERGE,
    STRING,
    InvalidYaml,
    is_null,
    line_at,
    mapping_items,
    parse,
)
from envvars_app.formats.hints import secret_warning

LIMIT = 25_000  # characters; Amplify's CreateApp has the same limit
NO_SECRETS = (
    "Anyone who can see the build settings or the build log can read it. Keep it in Secret "
    "management."
)


class Severity(StrEnum):
    """How bad a problem is. An error prevents saving, a warning doesn't."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """Something to fix. `line` counts from 1."""

    line: int
    message: str
    severity: Severity = Severity.ERROR


def check(text: str) -> list[Problem]:
    """Return the problems of a build specification, sorted by line."""
    if len(text) > LIMIT:
        return [
            Problem(
                1,
                f"A build specification can have at most {LIMIT:,} characters; this one has "
                f"{len(text):,}. Move commands into a script in the repository.",
            )
        ]
    try:
        root = parse(text)
    except InvalidYaml as invalid:
        return [Problem(invalid.line, str(invalid))]
    return sorted(_Checker(text).check_document(root), key=lambda problem: problem.line)


def errors(problems: list[Problem]) -> list[Problem]:
    """Return the problems that prevent saving."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


class _Checker:
    """Walks a document and yields its problems."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Aliases may lead to one node many times. Checking each node once keeps the cost linear,
        # even for a text whose aliases expand exponentially.
        self.visited: set[tuple[int, int]] = set()

    def check_document(self, root: yaml.Node | None) -> Iterator[Problem]:
        if root is None or is_null(root):
            yield Problem(
                1, "The specification is empty. Write “version: 1” and a frontend with its phases."
            )
            return
        yield from self.check_shape(root, keys.DOCUMENT, "A build specification")
        if isinstance(root, yaml.MappingNode):
            yield from self._check_top_level(root)

    def _check_top_level(self, root: yaml.MappingNode) -> Iterator[Problem]:
        top = dict(mapping_items(root))
        if "version" not in top:
            yield self._warn(root, "The version is missing. Write “version: 1” as the first line.")
        if not top.keys() & {"applications", "backend", "frontend", "test"}:
            yield self._warn(root, "There is nothing to build. Write a frontend with its phases.")
        if "appRoot" in top and "applications" not in top:
            yield self._warn(
                top["appRoot"], "Amplify ignores appRoot here. Move it into an application."
            )

    def check_shape(self, node: yaml.Node, shape: keys.Shape, name: str) -> Iterator[Problem]:
        if (id(node), id(shape)) in self.visited:
            return
        self.visited.add((id(node), id(shape)))
        match shape:
            case keys.Keys():
                yield from self._keys(node, shape, name)
            case keys.Names():
                yield from self._names(node, shape, name)
            case keys.Items():
                yield from self._items(node, shape, name)
            case keys.Value():
                yield from self._value(node, shape, name)

    def _keys(self, node: yaml.Node, shape: keys.Keys, name: str) -> Iterator[Problem]:
        if not isinstance(node, yaml.MappingNode):
            yield self._error(node, f"{name} must contain keys. Write {shape.example}.")
            return
        yield from self._duplicates(node)
        for key, value in node.value:
            if key.value in shape.known:
                yield from self.check_shape(value, shape.known[key.value], f"“{key.value}”")
            elif key.tag != MERGE:
                yield self._warn(key, _unknown_key(key.value, list(shape.known), name))
        present = {str(key.value) for key, _ in node.value}
        # A merge key (<<) may supply the required keys.
        merged = any(key.tag == MERGE for key, _ in node.value)
        for key_name in shape.required:
            if key_name not in present and not merged:
                yield self._error(node, f"{name} needs “{key_name}”. Write {shape.example}.")

    def _duplicates(self, node: yaml.MappingNode) -> Iterator[Problem]:
        first: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            before = first.setdefault(key.value, key)
            if before is not key:
                line = line_at(self.text, before.start_mark.index)
                yield self._error(
                    key, f"“{key.value[:60]}” is a duplicate of line {line}. Remove one of them."
                )

    def _names(self, node: yaml.Node, shape: keys.Names, name: str) -> Iterator[Problem]:
        if not isinstance(node, yaml.MappingNode):
            yield self._error(node, f"{name} must contain names and values. Write {shape.example}.")
            return
        yield from self._duplicates(node)
        for key, value in node.value:
            yield from self.check_shape(value, shape.value, f"“{key.value[:60]}”")

    def _items(self, node: yaml.Node, shape: keys.Items, name: str) -> Iterator[Problem]:
        if not isinstance(node, yaml.SequenceNode):
            yield self._error(
                node, f"{name} must be a list. Write each item on its own line: {shape.example}."
            )
            return
        for item in node.value:
            yield from self.check_shape(item, shape.item, shape.what)

    def _value(self, node: yaml.Node, shape: keys.Value, name: str) -> Iterator[Problem]:
        if not isinstance(node, yaml.ScalarNode):
            yield self._error(node, f"{name} must be a single value. {shape.if_nested}")
        elif is_null(node):
            yield self._error(node, f"{name} is empty. Write {shape.what}, or remove it.")
        elif shape.tags and node.tag not in shape.tags:
            tag = "text" if node.tag == STRING else node.tag.rpartition(":")[2]
            kind = _TYPE_NAMES.get(tag, tag)
            yield self._error(
                node,
                f"YAML reads “{node.value[:60]}” as {kind}. {shape.if_other}",
            )
        elif shape.may_leak and (reason := secret_warning(name.strip("“”"), node.value)):
            yield self._warn(node, f"{reason} {NO_SECRETS}")

    def _error(self, node: yaml.Node, message: str) -> Problem:
        return Problem(line_at(self.text, node.start_mark.index), message)

    def _warn(self, node: yaml.Node, message: str) -> Problem:
        line = line_at(self.text, node.start_mark.index)
        return Problem(line, message, Severity.WARNING)


_TYPE_NAMES = {"bool": "yes or no", "int": "a number", "float": "a number", "timestamp": "a date"}


def _unknown_key(key_name: str, known: list[str], name: str) -> str:
    by_lower = {key.lower(): key for key in known}
    similar = difflib.get_close_matches(key_name[:60].lower(), by_lower, n=1)
    if similar:
        return f"Amplify doesn't know “{key_name}” here. Did you mean “{by_lower[similar[0]]}”?"
    return f"Amplify doesn't know “{key_name[:60]}” here. {name} can hold {', '.join(known)}."
