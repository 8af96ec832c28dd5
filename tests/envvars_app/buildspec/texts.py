"""Build specifications to check: short to write down, with the commands that a test is about."""

import json
from collections.abc import Sequence

from envvars_app.buildspec.checking import Problem, check

INTO_A_FOLDER = """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - cd frontend && npm ci && cd ..
    build:
      commands:
        - cd frontend && npm run build
  artifacts: {baseDirectory: frontend/dist, files: ['**/*']}
"""


def with_commands(
    *build: str,
    before: Sequence[str] = (),
    app_root: str = "",
    more: str = "",
    output: str = "dist",
) -> str:
    """Return a specification with these commands, each on a line of its own, from line 7 on."""
    lines = "".join(f"        - {json.dumps(command)}\n" for command in build)
    earlier = f"    preBuild: {{commands: {json.dumps([*before])}}}\n"
    artifacts = f"  artifacts: {{baseDirectory: {output}, files: ['**/*']}}\n"
    text = f"frontend:\n{artifacts}{more}  phases:\n{earlier}    build:\n      commands:\n{lines}"
    if app_root:
        text = "".join(f"    {line}\n" for line in text.splitlines())
        text = f"applications:\n  - appRoot: {app_root}\n{text}"
    return f"version: 1\n{text}"


def of_commands(*build: str, before: Sequence[str] = ()) -> list[Problem]:
    """Return the problems of a specification with these commands."""
    return check(with_commands(*build, before=before))
