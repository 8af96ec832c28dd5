"""Build the image by running the steps of the Dockerfile in isolated roots."""

import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.lib.paths import BASE_DIR
from tests.image.dockerfile import Stage, context_of, stages_of, with_environment
from tests.image.room import Room, pip_settings


@dataclass
class Built:
    """A built stage: its files and how to run its command."""

    stage: Stage
    room: Room
    environment: dict[str, str]
    user: str = "0:0"

    def start(self, writable: Path, **settings: str) -> Any:
        """Start the container's command, read-only except for `writable`, mounted as var/."""
        return self._go(self.room.start, self.stage.command(), writable, settings)

    def run(self, command: list[str], writable: Path, **settings: str) -> tuple[int, str]:
        """Run a command as `docker exec` does."""
        code, said = self._go(self.room.run, command, writable, settings)
        return int(code), str(said)

    def _go(self, how: Any, command: list[str], writable: Path, settings: dict[str, str]) -> Any:
        return how(command, self.environment | settings, user=self.user, writable=writable)


def build(folder: Path, *, lock: str = "") -> Built:
    """Build the image below `folder`, with another requirements.lock if one is given.

    Raises AssertionError with the output of a failed step.
    """
    stages = stages_of((BASE_DIR / "Dockerfile").read_text())
    built: dict[str, Built] = {}
    for number, stage in enumerate(stages):
        room = Room(folder / str(number))
        here = built[stage.name] = Built(stage, room, room.clean_environment())
        for instruction, text in stage.steps:
            _step(here, instruction, text, built, lock)
    return here


def _step(here: Built, instruction: str, text: str, built: dict[str, Built], lock: str) -> None:
    if instruction == "WORKDIR":
        assert text == "/app"
    elif instruction == "COPY":
        _copy(here, shlex.split(text), built, lock)
    elif instruction == "RUN":
        code, said = here.room.run(["sh", "-c", text], here.environment | pip_settings())
        assert code == 0, f"RUN {text}\n{said}"
    elif instruction == "ENV":
        here.environment = with_environment(here.environment, text)
    elif instruction == "USER":
        here.user = text
    else:
        assert instruction in {"EXPOSE", "HEALTHCHECK", "CMD"}


def _copy(here: Built, words: list[str], built: dict[str, Built], lock: str) -> None:
    app = here.room.path("app")
    if words[0].startswith("--from="):
        assert words[1:] == ["/app", "."]
        app.rmdir()  # moved, not copied: the stage is not needed anymore
        shutil.move(built[words[0].partition("=")[2]].room.path("app"), app)
        return
    *sources, target = words
    assert target == "."
    for name in context_of(BASE_DIR) if sources == ["."] else sources:
        _copy_one(BASE_DIR / name, app / name)
    if lock:
        (app / "requirements.lock").write_text(lock)


def _copy_one(source: Path, target: Path) -> None:
    """Copy a file with the modes of a private checkout."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)


def healthcheck_options(stage: Stage) -> dict[str, str]:
    """Return the options of HEALTHCHECK."""
    [text] = stage.texts("HEALTHCHECK")
    options = text.partition("CMD ")[0].split()
    return dict(option.removeprefix("--").split("=") for option in options)


def manifest(built: Built) -> dict[str, str]:
    """Return the collected static files: original name to hashed name."""
    file = built.room.path("app/collected/staticfiles.json")
    return dict(json.loads(file.read_text())["paths"])
