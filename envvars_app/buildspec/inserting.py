"""Commands put into a build specification's build phase; nothing else in the text moves. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from envvars_app.buildspec.reading import pairs, parse

# A command that builds: what it reads has to be written before it
_BUILDS = re.compile(
    r"\b(build|xcodebuild|hugo|jekyll|vite|webpack|eleventy)\b|(?<![.\w])gradlew?\b(?!\.)"
)

BY_HAND = (
    "Branchkeep can't safely insert lines into these build commands. Copy the lines and insert "
    "them by hand."
)


class CannotInsert(ValueError):
    """A specification that commands can't be put into; the message says what to do."""


@dataclass(frozen=True)
class BuildPhase:
    """Where a frontend is built. `app_root` is "" in a specification of one application.

    `folder` leads from where its commands run to where its application stands.
    """

    app_root: str
    folder: str
    commands: tuple[str, ...]


def build_phases(text: str) -> list[BuildPhase]:
    """Return the build phase of each frontend, in their order. Raises Unreadable."""
    return [
        BuildPhase(root, _folder(frontend, root), tuple(item.value for item in commands.value))
        for root, frontend, commands in _phases(text)
    ]


def insert(text: str, app_root: str, lines: Sequence[str]) -> str:
    """Return `text` with `lines` before the command that builds; those there already stay one.

    Comments, quotes and spaces keep their places. Raises CannotInsert, and Unreadable.
    """
    commands = _commands(text, app_root)
    old = [item.value for item in commands.value]
    new = [line for line in dict.fromkeys(lines) if line not in old]
    if not new:
        return text
    at = _first_that_builds(old)
    put = _into_brackets if commands.flow_style else _into_lines
    result = put(text, commands, at, new)
    _verify(text, result, app_root, new, [*old[:at], *new, *old[at:]])
    return result


def _phases(text: str) -> list[tuple[str, yaml.Node, yaml.SequenceNode]]:
    top = dict(pairs(parse(text)))
    several = top.get("applications")
    applications = several.value if isinstance(several, yaml.SequenceNode) else []
    parts = [dict(pairs(node)) for node in applications] if several else [top]
    found = [
        (_word(part.get("appRoot")) if several else "", part["frontend"], _build(part["frontend"]))
        for part in parts
        if "frontend" in part
    ]
    return [(root, frontend, node) for root, frontend, node in found if node is not None]


def _build(frontend: yaml.Node) -> yaml.SequenceNode | None:
    node: yaml.Node | None = frontend
    for word in ("phases", "build", "commands"):
        node = dict(pairs(node)).get(word)
    if not isinstance(node, yaml.SequenceNode):
        return None
    return node if all(isinstance(item, yaml.ScalarNode) for item in node.value) else None


def _word(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _folder(frontend: yaml.Node, root: str) -> str:
    """Commands run in the application's folder, unless buildPath leads to the repository's."""
    keys = dict(pairs(frontend))
    path = _word(keys.get("buildPath", keys.get("buildpath")))
    return root if path == "/" else ""


def _commands(text: str, app_root: str) -> yaml.SequenceNode:
    for root, _, commands in _phases(text):
        if root == app_root:
            return commands
    where = f"The application {app_root}" if app_root else "This build specification"
    raise CannotInsert(
        f"{where} has no frontend with a list of build commands. Add frontend > phases > build > "
        "commands, then insert the lines there."
    )


def _first_that_builds(commands: Sequence[str]) -> int:
    return next((n for n, command in enumerate(commands) if _BUILDS.search(command)), 0)


def _into_lines(text: str, commands: yaml.SequenceNode, at: int, new: Sequence[str]) -> str:
    item = commands.value[at].start_mark.index
    start = text.rfind("\n", 0, item) + 1
    indent, dash, _ = text[start:item].partition("-")
    if not dash:  # it stands on the line above
        raise CannotInsert(BY_HAND)
    before = commands.value[at - 1].end_mark.index if at else 0  # what it holds is none of ours
    place = _above_its_comments(text, start, before)
    return text[:place] + "".join(f"{indent}- {_scalar(line)}\n" for line in new) + text[place:]


def _above_its_comments(text: str, start: int, before: int) -> int:
    """Return where the comment lines right above a line begin, at `before` at the earliest."""
    while (above := text.rfind("\n", 0, max(start - 1, 0)) + 1) >= before:
        if above == start or not text[above:start].lstrip(" ").startswith("#"):
            break
        start = above
    return start


def _into_brackets(text: str, commands: yaml.SequenceNode, at: int, new: Sequence[str]) -> str:
    quoted = ", ".join(_quoted(line) for line in new)
    if not commands.value:
        place = commands.start_mark.index + 1
        return text[:place] + quoted + text[place:]
    place = commands.value[at].start_mark.index
    return f"{text[:place]}{quoted}, {text[place:]}"


def _scalar(line: str) -> str:
    """Return a command as YAML; in quotes where it would not be itself without them."""
    try:
        node = parse(f"- {line}")
    except ValueError:
        return _quoted(line)
    item = node.value[0] if isinstance(node, yaml.SequenceNode) else node
    plain = isinstance(item, yaml.ScalarNode) and item.value == line and item.style is None
    return line if plain else _quoted(line)


def _quoted(line: str) -> str:
    return "'" + line.replace("'", "''") + "'"


def _verify(text: str, result: str, app_root: str, new: list[str], wanted: list[str]) -> None:
    """Raise CannotInsert unless the new commands are the only thing that is new in the result."""
    try:
        old_events, events = _events(text), _events(result)
    except yaml.YAMLError:
        raise CannotInsert(BY_HAND) from None
    at = next(n for n, event in enumerate(events) if event not in old_events[n : n + 1])
    inserted, rest = events[at : at + len(new)], events[:at] + events[at + len(new) :]
    commands = [item.value for item in _commands(result, app_root).value]
    if rest != old_events or [event[1] for event in inserted] != new or commands != wanted:
        raise CannotInsert(BY_HAND)


def _events(text: str) -> list[tuple[str, str | None, str | None]]:
    return [
        (type(event).__name__, getattr(event, "value", None), getattr(event, "anchor", None))
        for event in yaml.parse(text, Loader=yaml.SafeLoader)
    ]
