"""The commands of a build specification, in the order in which a build runs them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import yaml

from envvars_app.buildspec.reading import line_at, mapping_items
from envvars_app.buildspec.shell.commands import Command
from envvars_app.buildspec.shell.parsing import parse
from envvars_app.buildspec.shell.walking import walk

# All of them run in one shell: a variable, and the folder, that one leaves is the next one's.
_PHASES = {
    "backend": ("preBuild", "build", "postBuild"),
    "frontend": ("preBuild", "build", "postBuild"),
    "test": ("preTest", "test", "postTest"),
}


@dataclass(frozen=True)
class Script:
    """A command's text. `line` is the number, from 1, of the line where it begins."""

    text: str
    line: int
    is_block: bool

    @cached_property
    def parsed(self) -> list[Command]:
        """Return the commands in the text, as `shell.parse` does."""
        return parse(self.text)

    @cached_property
    def commands(self) -> list[Command]:
        """Return all commands in the text, as `shell.walk` does."""
        return list(walk(self.parsed))

    def line_of(self, position: int) -> int:
        """Return the line of a position in the text. A folded text only has its first."""
        return self.line + (self.text.count("\n", 0, position) if self.is_block else 0)


@dataclass(frozen=True)
class Step:
    """A command of a phase."""

    section: str
    phase: str
    script: Script


def applications(root: yaml.Node | None) -> list[dict[str, yaml.Node]]:
    """Return the keys of each application, or those of the document if it is a single one."""
    top = dict(mapping_items(root))
    several = top.get("applications")
    if several is None:
        return [top]
    nodes = several.value if isinstance(several, yaml.SequenceNode) else []
    return [dict(mapping_items(node)) for node in nodes]


def steps(
    text: str, application: dict[str, yaml.Node], known: dict[int, Script] | None = None
) -> Iterator[Step]:
    """Yield the commands of an application.

    `known` collects the scripts by node: aliases lead to one node many times.
    """
    known = {} if known is None else known
    for section, names in _PHASES.items():
        phases = dict(mapping_items(dict(mapping_items(application.get(section))).get("phases")))
        for phase in names:
            commands = dict(mapping_items(phases.get(phase))).get("commands")
            for node in commands.value if isinstance(commands, yaml.SequenceNode) else []:
                if isinstance(node, yaml.ScalarNode):
                    if id(node) not in known:
                        known[id(node)] = _script(text, node)
                    yield Step(section, phase, known[id(node)])


def _script(text: str, node: yaml.ScalarNode) -> Script:
    is_block = node.style == "|"
    return Script(str(node.value), line_at(text, node.start_mark.index) + is_block, is_block)


def app_root_of(application: dict[str, yaml.Node]) -> str:
    """Return an application's appRoot, or ""."""
    return scalar_text(application.get("appRoot"))


def scalar_text(node: yaml.Node | None) -> str:
    """Return a scalar's text, or "" for any other node."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
