"""Checks of a build specification against the keys that Amplify documents."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import yaml

from envvars_app.buildspec import keys
from envvars_app.buildspec.contradictions import contradictions, own_variables
from envvars_app.buildspec.places import Level, right_place
from envvars_app.buildspec.reading import (
    MERGE,
    STRING,
    InvalidYaml,
    is_null,
    line_at,
    mapping_items,
    merged_items,
    parse,
)
from envvars_app.buildspec.shell.assignments import lost_assignments
from envvars_app.buildspec.shell.disclosures import disclosures
from envvars_app.buildspec.shell.steps import Script, applications, steps

LIMIT = 25_000  # characters; Amplify's CreateApp has the same limit
MAX_COMMANDS = 20_000  # that are read, with those that aliases repeat


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


def check(text: str, variables: Mapping[str, Collection[str]] | None = None) -> list[Problem]:
    """Return the problems of a build specification, sorted by line.

    `variables` are those that its builds get, each with its values on the different branches.
    """
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
    problems = [
        *_Checker(text).check_document(root),
        *_check_commands(text, root, variables or {}),
        *(
            Problem(line_at(text, node.start_mark.index), message, Severity.WARNING)
            for node, message in contradictions(root, variables or {})
        ),
    ]
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.line)


def errors(problems: list[Problem]) -> list[Problem]:
    """Return the problems that prevent saving."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def _check_commands(
    text: str, root: yaml.Node | None, variables: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    known: dict[int, Script] = {}
    budget = MAX_COMMANDS
    for application in applications(root):
        scripts = [step.script for step in steps(text, application, known)]
        budget -= sum(len(script.commands) for script in scripts)
        if budget < 0:
            break
        exported = {*variables, *own_variables(root), *own_variables(application)}
        for line, message in lost_assignments(scripts, exported):
            yield Problem(line, message, Severity.WARNING)
    for line, message in disclosures(known.values()):
        yield Problem(line, message, Severity.WARNING)


class _Checker:
    """Walks a document and yields its problems."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Aliases may lead to one node many times. Checking each node once keeps the cost linear,
        # even for a text whose aliases expand exponentially.
        self.visited: set[tuple[int, int]] = set()
        self.levels: list[Level] = []  # from the document to the mapping that is being checked
        # Required keys that a mapping lacks, and those of them that were found at another depth
        self.missing: list[tuple[int, str, Problem]] = []
        self.misplaced: set[tuple[int, str]] = set()

    def check_document(self, root: yaml.Node | None) -> Iterator[Problem]:
        if root is None or is_null(root):
            yield Problem(
                1, "The specification is empty. Write “version: 1” and a frontend with its phases."
            )
            return
        yield from self.check_shape(root, keys.DOCUMENT, "A build specification")
        for node_id, key, problem in self.missing:
            if (node_id, key) not in self.misplaced:
                yield problem
        if isinstance(root, yaml.MappingNode):
            yield from self._check_top_level(root)

    def _check_top_level(self, root: yaml.MappingNode) -> Iterator[Problem]:
        top = dict(mapping_items(root))
        if "version" not in top:
            yield self._warn(root, "The version is missing. Write “version: 1” as the first line.")
        if not top.keys() & {"applications", "backend", "frontend", "test"}:
            yield self._warn(root, "There is nothing to build. Write a frontend with its phases.")
        for key in top.keys() & {"backend", "frontend", "test"} if "applications" in top else ():
            message = f"Amplify ignores “{key}” beside “applications”. Move it into an application."
            yield self._warn(top[key], message)
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
        self.levels.append(Level(name, shape, node))
        for key, value in node.value:
            if key.value in shape.known:
                yield from self.check_shape(value, shape.known[key.value], f"“{key.value}”")
            elif key.tag != MERGE:
                yield self._unknown_key(key)
        self.levels.pop()
        present = {key for key, _ in merged_items(node)}
        for key_name in shape.required:
            if key_name not in present:
                missing = f"{name} needs “{key_name}”. {shape.without}".strip()
                problem = self._error(node, f"{missing} Write {shape.example}.")
                self.missing.append((id(node), key_name, problem))

    def _unknown_key(self, key: yaml.ScalarNode) -> Problem:
        level, name = self.levels[-1], str(key.value)
        text = f"Amplify doesn't know “{name[:60]}” here."
        place = right_place(name, self.levels)
        if place is None:
            return self._warn(
                key, f"{text} {_similar_key(name, list(level.shape.known), level.name)}"
            )
        if place.level is None or not place.is_missing(name):
            return self._warn(key, f"{text} {place.advice}")
        self.misplaced.add((id(place.level.node), name))
        return self._error(key, f"{text} {place.advice} {place.level.shape.without}")

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
        elif shape.warning and (reason := shape.warning(name.strip("“”"), node.value)):
            yield self._warn(node, reason)

    def _error(self, node: yaml.Node, message: str) -> Problem:
        return Problem(line_at(self.text, node.start_mark.index), message)

    def _warn(self, node: yaml.Node, message: str) -> Problem:
        line = line_at(self.text, node.start_mark.index)
        return Problem(line, message, Severity.WARNING)


_TYPE_NAMES = {"bool": "yes or no", "int": "a number", "float": "a number", "timestamp": "a date"}


def _similar_key(key: str, known: list[str], name: str) -> str:
    by_lower = {one.lower(): one for one in known}
    similar = difflib.get_close_matches(key[:60].lower(), by_lower, n=1)
    if similar:
        return f"Did you mean “{by_lower[similar[0]]}”?"
    return f"{name} can hold {', '.join(known)}."
