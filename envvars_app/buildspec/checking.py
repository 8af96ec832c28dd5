"""What is wrong with a build specification: its nodes are held against the known keys. Pure.

Each node is looked at once, whatever aliases lead to it: no text costs more than its length.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import yaml

from envvars_app.buildspec import keys
from envvars_app.buildspec.reading import MERGE, STRING, Unreadable, is_null, line_at, pairs, parse
from envvars_app.formats.hints import secret_warning

LIMIT = 25_000  # characters; Amplify's CreateApp takes as many
NO_SECRETS = (
    "Anyone who can see the build settings or the build log can read it. Keep it in Secret "
    "management."
)


class Severity(StrEnum):
    """An error stops a save; a warning doesn't."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """Something to put right, and the line (from 1) where."""

    line: int
    message: str
    severity: Severity = Severity.ERROR


def check(text: str) -> list[Problem]:
    """Return what is wrong with a build specification, by line; nothing where all is well."""
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
    except Unreadable as unreadable:
        return [Problem(unreadable.line, str(unreadable))]
    return sorted(_Check(text).document(root), key=lambda problem: problem.line)


def errors(problems: list[Problem]) -> list[Problem]:
    """Return the problems that stop a save."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


class _Check:
    """One look at a document."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.seen: set[tuple[int, int]] = set()

    def document(self, root: yaml.Node | None) -> Iterator[Problem]:
        if root is None or is_null(root):
            yield Problem(
                1, "The specification is empty. Write “version: 1” and a frontend with its phases."
            )
            return
        yield from self.shape(root, keys.DOCUMENT, "A build specification")
        if isinstance(root, yaml.MappingNode):
            yield from self._whole(root)

    def _whole(self, root: yaml.MappingNode) -> Iterator[Problem]:
        top = dict(pairs(root))
        if "version" not in top:
            yield self._warn(root, "The version is missing. Write “version: 1” as the first line.")
        if not top.keys() & {"applications", "backend", "frontend", "test"}:
            yield self._warn(root, "There is nothing to build. Write a frontend with its phases.")
        if "appRoot" in top and "applications" not in top:
            yield self._warn(
                top["appRoot"], "Amplify ignores appRoot here. Move it into an application."
            )

    def shape(self, node: yaml.Node, shape: keys.Shape, name: str) -> Iterator[Problem]:
        if (id(node), id(shape)) in self.seen:
            return
        self.seen.add((id(node), id(shape)))
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
                yield from self.shape(value, shape.known[key.value], f"“{key.value}”")
            elif key.tag != MERGE:
                yield self._warn(key, _unknown(key.value, list(shape.known), name))
        there = {str(key.value) for key, _ in node.value}
        merged = any(key.tag == MERGE for key, _ in node.value)  # then it may come from there
        for word in shape.required:
            if word not in there and not merged:
                yield self._error(node, f"{name} needs “{word}”. Write {shape.example}.")

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
            yield from self.shape(value, shape.value, f"“{key.value[:60]}”")

    def _items(self, node: yaml.Node, shape: keys.Items, name: str) -> Iterator[Problem]:
        if not isinstance(node, yaml.SequenceNode):
            yield self._error(
                node, f"{name} must be a list. Write each item on its own line: {shape.example}."
            )
            return
        for item in node.value:
            yield from self.shape(item, shape.item, shape.what)

    def _value(self, node: yaml.Node, shape: keys.Value, name: str) -> Iterator[Problem]:
        if not isinstance(node, yaml.ScalarNode):
            yield self._error(node, f"{name} must be a single value. {shape.if_nested}")
        elif is_null(node):
            yield self._error(node, f"{name} is empty. Write {shape.what}, or remove it.")
        elif shape.tags and node.tag not in shape.tags:
            kind = "text" if node.tag == STRING else node.tag.rpartition(":")[2]
            yield self._error(
                node,
                f"YAML reads “{node.value[:60]}” as {_KINDS.get(kind, kind)}. {shape.if_other}",
            )
        elif shape.may_leak and (reason := secret_warning(name.strip("“”"), node.value)):
            yield self._warn(node, f"{reason} {NO_SECRETS}")

    def _error(self, node: yaml.Node, message: str) -> Problem:
        return Problem(line_at(self.text, node.start_mark.index), message)

    def _warn(self, node: yaml.Node, message: str) -> Problem:
        line = line_at(self.text, node.start_mark.index)
        return Problem(line, message, Severity.WARNING)


_KINDS = {"bool": "yes or no", "int": "a number", "float": "a number", "timestamp": "a date"}


def _unknown(word: str, known: list[str], name: str) -> str:
    by_lower = {key.lower(): key for key in known}
    near = difflib.get_close_matches(word[:60].lower(), by_lower, n=1)
    if near:
        return f"Amplify doesn't know “{word}” here. Did you mean “{by_lower[near[0]]}”?"
    return f"Amplify doesn't know “{word[:60]}” here. {name} can hold {', '.join(known)}."
