"""What a process that read a project answers: a result or a refusal, as JSON.

It is not trusted: code that takes over the parser could have written it.
"""

import json
from typing import Any

from console.lib.scanning.manifest import Declared
from console.lib.scanning.results import Place, PlacedUse, Problem, Project
from console.lib.scanning.uses import SECRET, VARIABLE

TOO_MUCH = (
    "Reading this code takes too much time or memory, so it was not checked. Leave out generated "
    "files."
)
NO_FOLDER = "The zip has no folder with this name. Enter its path in the project, such as apps/web."
_NOUNS = {SECRET, VARIABLE}
_PLACE = (str, int)
_SHAPE = {
    "uses": [(str, str, [(_PLACE, bool)])],
    "unclear": [(str, _PLACE)],
    "sets": [str],
    "prefixes": [str],
    "manifest": str,
    "declared": [(str, str, int, [str], str, str)],
    "problems": [(_PLACE, str, bool)],
    "files": int,
}


class NotAnAnswer(ValueError):
    """Raised for an answer that can't be read."""


def refusal(message: str) -> bytes:
    """Return the answer that nothing was read, and why."""
    return json.dumps({"refusal": message}).encode()


def result(project: Project) -> bytes:
    """Return the answer with a result."""
    answer = {
        "uses": [(*name, uses) for name, uses in project.uses.items()],
        "unclear": project.unclear,
        "sets": sorted(project.sets),
        "prefixes": sorted(project.prefixes),
        "manifest": project.manifest,
        "declared": [
            (it.noun, it.key, it.line, it.required, it.description, it.pattern)
            for it in project.declared
        ],
        "problems": project.problems,
        "files": project.files,
    }
    return json.dumps(answer).encode()


def read(answer: bytes) -> Project | str:
    """Return the result, or the text of a refusal. Raises NotAnAnswer."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        raise NotAnAnswer from None
    if isinstance(found, dict) and found.keys() == {"refusal"}:
        return str(found["refusal"])
    if not isinstance(found, dict) or found.keys() != _SHAPE.keys():
        raise NotAnAnswer
    return _project({name: _shaped(found[name], shape) for name, shape in _SHAPE.items()})


def _project(found: dict[str, Any]) -> Project:
    project = Project(
        unclear=[(noun, Place(*place)) for noun, place in found["unclear"]],
        sets=set(found["sets"]),
        prefixes=set(found["prefixes"]),
        manifest=found["manifest"],
        declared=[
            Declared(noun, key, line, tuple(required), description, pattern)
            for noun, key, line, required, description, pattern in found["declared"]
        ],
        problems=[Problem(Place(*at), text, error) for at, text, error in found["problems"]],
        files=found["files"],
    )
    for noun, key, uses in found["uses"]:
        project.uses[noun, key] = [PlacedUse(Place(*place), optional) for place, optional in uses]
    nouns = {noun for noun, _ in project.uses} | {noun for noun, _ in project.unclear}
    if not (nouns | {it.noun for it in project.declared} - {""}) <= _NOUNS:
        raise NotAnAnswer
    return project


def _shaped(value: Any, shape: Any) -> Any:
    """Return a value of this shape: a type, a list of one shape, or a tuple of several."""
    if isinstance(shape, type):
        if type(value) is not shape:  # not isinstance: True is no number here
            raise NotAnAnswer
        return value
    is_sized = isinstance(value, list) and (isinstance(shape, list) or len(value) == len(shape))
    if not is_sized:
        raise NotAnAnswer
    shapes = shape * len(value) if isinstance(shape, list) else shape
    return [_shaped(part, its) for part, its in zip(value, shapes, strict=True)]
