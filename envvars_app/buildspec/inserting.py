"""Insertion of commands into a build phase, leaving the rest of the text exactly as it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from envvars_app.buildspec.reading import mapping_items, parse
from envvars_app.buildspec.shell.folders import BUILDS, target_folder
from envvars_app.buildspec.shell.steps import app_root_of, applications, scalar_text, steps

BY_HAND = (
    "Branchkeep can't safely insert lines into these build commands. Copy the lines and insert "
    "them by hand."
)


class CannotInsert(ValueError):
    """Raised where commands can't be inserted safely. The message says what to do."""


@dataclass(frozen=True)
class BuildPhase:
    """A frontend's build phase. `app_root` is "" in a specification of a single application.

    `folder` is the application's folder, relative to the one where inserted lines run, or None if
    the commands don't tell. `moves` are the commands, such as "cd web", that change the folder.
    """

    app_root: str
    folder: str | None
    commands: tuple[str, ...]
    moves: tuple[str, ...] = ()


def build_phases(text: str) -> list[BuildPhase]:
    """Return the build phase of each frontend, in the order of the text. Raises InvalidYaml."""
    return [_build_phase(text, *found) for found in _phases(text)]


def insert(text: str, app_root: str, lines: Sequence[str]) -> str:
    """Return `text` with `lines` inserted before the first command that builds.

    Lines that are already among the commands are not inserted again. Raises CannotInsert and
    InvalidYaml.
    """
    commands = _commands(text, app_root)
    old = [item.value for item in commands.value]
    new = [line for line in dict.fromkeys(lines) if line not in old]
    if not new:
        return text
    at = _first_build_command(old)
    insert_into = _insert_into_flow if commands.flow_style else _insert_into_block
    result = insert_into(text, commands, at, new)
    _verify(text, result, app_root, new, [*old[:at], *new, *old[at:]])
    return result


def _phases(text: str) -> list[tuple[str, dict[str, yaml.Node], yaml.SequenceNode]]:
    root = parse(text)
    several = "applications" in dict(mapping_items(root))
    phases = []
    for application in applications(root):
        frontend = application.get("frontend")
        commands = _build_commands(frontend) if frontend else None
        if commands:
            phases.append((app_root_of(application) if several else "", application, commands))
    return phases


def _build_phase(
    text: str, app_root: str, application: dict[str, yaml.Node], commands: yaml.SequenceNode
) -> BuildPhase:
    frontend = dict(mapping_items(application["frontend"]))
    build_path = frontend.get("buildPath", frontend.get("buildpath"))
    # Commands run in the application's folder, unless buildPath says another one.
    start = scalar_text(build_path).strip("/") if build_path else app_root
    lines = tuple(str(item.value) for item in commands.value)
    at = _first_build_command(lines)
    earlier = [
        step.script.text
        for step in steps(text, application)
        if step.section == "backend" or (step.section, step.phase) == ("frontend", "preBuild")
    ]
    output = scalar_text(dict(mapping_items(frontend.get("artifacts"))).get("baseDirectory"))
    found = target_folder([*earlier, *lines[:at]], lines[at:], start, app_root, output)
    return BuildPhase(app_root, found.folder, lines, found.moves)


def _build_commands(frontend: yaml.Node) -> yaml.SequenceNode | None:
    node: yaml.Node | None = frontend
    for word in ("phases", "build", "commands"):
        node = dict(mapping_items(node)).get(word)
    if not isinstance(node, yaml.SequenceNode):
        return None
    return node if all(isinstance(item, yaml.ScalarNode) for item in node.value) else None


def _commands(text: str, app_root: str) -> yaml.SequenceNode:
    for root, _, commands in _phases(text):
        if root == app_root:
            return commands
    where = f"The application {app_root}" if app_root else "This build specification"
    raise CannotInsert(
        f"{where} has no frontend with a list of build commands. Add frontend > phases > build > "
        "commands, then insert the lines there."
    )


def _first_build_command(commands: Sequence[str]) -> int:
    return next((n for n, command in enumerate(commands) if BUILDS.search(command)), 0)


def _insert_into_block(text: str, commands: yaml.SequenceNode, at: int, new: Sequence[str]) -> str:
    item = commands.value[at].start_mark.index
    start = text.rfind("\n", 0, item) + 1
    indent, dash, _ = text[start:item].partition("-")
    if not dash:  # the dash is on the line above
        raise CannotInsert(BY_HAND)
    # A # line inside the previous command's block text is part of that command, not a comment.
    before = commands.value[at - 1].end_mark.index if at else 0
    position = _start_of_comments(text, start, before)
    return (
        text[:position] + "".join(f"{indent}- {_scalar(line)}\n" for line in new) + text[position:]
    )


def _start_of_comments(text: str, start: int, before: int) -> int:
    """Return where the comment lines right above `start` begin, but not earlier than `before`."""
    while (previous := text.rfind("\n", 0, max(start - 1, 0)) + 1) >= before:
        if previous == start or not text[previous:start].lstrip(" ").startswith("#"):
            break
        start = previous
    return start


def _insert_into_flow(text: str, commands: yaml.SequenceNode, at: int, new: Sequence[str]) -> str:
    quoted = ", ".join(_quoted(line) for line in new)
    if not commands.value:
        position = commands.start_mark.index + 1
        return text[:position] + quoted + text[position:]
    position = commands.value[at].start_mark.index
    return f"{text[:position]}{quoted}, {text[position:]}"


def _scalar(line: str) -> str:
    """Return a command as a YAML scalar, quoted only if YAML would read it differently."""
    try:
        node = parse(f"- {line}")
    except ValueError:
        return _quoted(line)
    item = node.value[0] if isinstance(node, yaml.SequenceNode) else node
    plain = isinstance(item, yaml.ScalarNode) and item.value == line and item.style is None
    return line if plain else _quoted(line)


def _quoted(line: str) -> str:
    return "'" + line.replace("'", "''") + "'"


def _verify(text: str, result: str, app_root: str, new: list[str], expected: list[str]) -> None:
    """Raise CannotInsert unless the new commands are the only change in the result.

    We insert into the text, since dumping the YAML would lose comments and quotes. Comparing the
    parser's events before and after proves that the text edit did nothing else.
    """
    try:
        old_events, events = _events(text), _events(result)
    except yaml.YAMLError:
        raise CannotInsert(BY_HAND) from None
    at = next(n for n, event in enumerate(events) if event not in old_events[n : n + 1])
    inserted, rest = events[at : at + len(new)], events[:at] + events[at + len(new) :]
    commands = [item.value for item in _commands(result, app_root).value]
    if rest != old_events or [event[1] for event in inserted] != new or commands != expected:
        raise CannotInsert(BY_HAND)


def _events(text: str) -> list[tuple[str, str | None, str | None]]:
    return [
        (type(event).__name__, getattr(event, "value", None), getattr(event, "anchor", None))
        for event in yaml.parse(text, Loader=yaml.SafeLoader)
    ]
