"""Parse a Dockerfile; an instruction that ours doesn't use is an error."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}


@dataclass
class Stage:
    """A stage: its base, its name and its steps."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def texts(self, instruction: str) -> list[str]:
        """Return the arguments of each instruction of this kind."""
        return [text for name, text in self.steps if name == instruction]

    def command(self) -> list[str]:
        """Return the command of the container."""
        [text] = self.texts("CMD")
        return list(json.loads(text))

    def healthcheck(self) -> list[str]:
        """Return the command of HEALTHCHECK."""
        [text] = self.texts("HEALTHCHECK")
        return list(json.loads(text.partition("CMD ")[2]))


def stages_of(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    stages: list[Stage] = []
    defaults: dict[str, str] = {}
    for step in "\n".join(lines).replace("\\\n", "").splitlines():
        instruction, _, rest = step.partition(" ")
        assert instruction in KNOWN, f"The tests know no {instruction}: teach them."
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(defaults.get(base, base), name))
        elif not stages:  # an ARG with the default of a base
            name, _, default = rest.partition("=")
            defaults[f"${name}"] = default
        else:
            stages[-1].steps.append((instruction, rest.strip()))
    return stages


def with_environment(environment: dict[str, str], text: str) -> dict[str, str]:
    """Return an environment with the variables of an ENV instruction."""
    pairs = (word.split("=", 1) for word in shlex.split(text))
    known = {f"${name}": value for name, value in environment.items()}
    return environment | {
        name: re.sub(r"\$\w+", lambda found: known[found[0]], value) for name, value in pairs
    }


def context_of(folder: Path) -> list[str]:
    """Return the names that .dockerignore includes: ours excludes everything, then lists them."""
    lines = [it for it in (folder / ".dockerignore").read_text().splitlines() if it[:1] != "#"]
    assert lines[0] == "*"
    assert lines[-1] == "**/__pycache__"
    names = lines[1:-1]
    assert all(name.startswith("!") for name in names)
    return [name[1:] for name in names]
