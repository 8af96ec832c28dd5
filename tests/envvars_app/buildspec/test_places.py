"""Keys at the wrong depth, and frontends without the artifacts that Amplify requires."""

import pytest

from envvars_app.buildspec.checking import Severity, check, errors

MISSING = """\
version: 1
frontend:
  phases:
    build:
      commands:
        - npm run build
"""
TOO_DEEP = """\
version: 1
frontend:
  phases:
    build:
      commands:
        - npm run build
    artifacts:
      baseDirectory: dist
      files:
        - '**/*'
"""
NESTED_PHASE = """\
version: 1
frontend:
  phases:
    preBuild:
      commands:
        - npm ci
      build:
        commands:
          - npm run build
  artifacts:
    baseDirectory: dist
    files: ['**/*']
"""


def test_it_works() -> None:
    [problem] = check(MISSING)
    assert (problem.line, problem.severity) == (3, Severity.ERROR)
    assert "“frontend” needs “artifacts”. Without them, the build ends with an error." in (
        problem.message
    )
    [problem] = check(TOO_DEEP)
    assert (problem.line, problem.severity) == (7, Severity.ERROR)
    assert "It belongs beside “phases”, one level up; the frontend has no artifacts." in (
        problem.message
    )
    [problem] = check(NESTED_PHASE)
    assert (problem.line, problem.severity) == (7, Severity.WARNING)
    assert "Amplify doesn't know “build” here." in problem.message
    assert "beside “preBuild”, one level up; the frontend has no build phase." in problem.message


PHASES = "phases: {build: {commands: [npm run build]}}"
GOOD = "artifacts: {baseDirectory: dist, files: ['**/*']}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"version: 1\nfrontend: {{{PHASES}}}\n", 2),
        (f"version: 1\r\nfrontend:\r\n  {PHASES}\r\n  cache: {{paths: []}}\r\n", 3),
        ("version: 1\nfrontend: {}\n", 2),
        (f"version: 1\napplications:\n  - appRoot: a\n    frontend:\n      {PHASES}\n", 5),
        (
            f"version: 1\napplications:\n  - appRoot: a\n    frontend: {{{PHASES}, {GOOD}}}\n"
            f"  - appRoot: b\n    frontend: {{{PHASES}}}\n",
            6,
        ),
        (f"version: 1\nx: &x {{{PHASES}}}\nfrontend: {{<<: *x}}\n", 3),
        (f"version: 1\nfrontend:\n  env: {{variables: {{artifacts: x}}}}\n  {PHASES}\n", 3),
        (f'"version": 1\n"frontend": {{"{PHASES[:6]}": {{}}}}\n', 2),
    ],
)
def test_no_artifacts(text: str, line: int) -> None:
    [problem] = errors(check(text))
    assert problem.line == line
    assert "needs “artifacts”" in problem.message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (f"version: 1\nfrontend: {{{PHASES}}}\n{GOOD}\n", 3, "in “frontend”, one level down"),
        (
            f"version: 1\nfrontend:\n  phases:\n    build:\n      commands: [a]\n      {GOOD}\n",
            6,
            "beside “phases”, two levels up",
        ),
        (
            f"version: 1\nfrontend:\n  {PHASES}\n  cache:\n    paths: []\n    {GOOD}\n",
            6,
            "beside “cache”, one level up",
        ),
        (
            f"version: 1\r\nfrontend:\r\n  phases:\r\n    build: {{}}\r\n    {GOOD}\r\n",
            5,
            "beside “phases”, one level up",
        ),
        (
            "version: 1\napplications:\n  - appRoot: a\n    frontend:\n      phases:\n"
            f"        build: {{commands: [a]}}\n        {GOOD}\n",
            7,
            "beside “phases”, one level up",
        ),
        (
            f"version: 1\napplications:\n  - appRoot: a\n    frontend: {{{PHASES}}}\n    {GOOD}\n",
            5,
            "in “frontend”, one level down",
        ),
    ],
)
def test_artifacts_at_another_depth(text: str, line: int, words: str) -> None:
    [problem] = errors(check(text))
    assert problem.line == line
    assert words in problem.message
    assert "Without them, the build ends with an error." in problem.message


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("cache", f"frontend:\n  {GOOD}\n  phases: {{cache: {{paths: []}}}}\n", "beside “phases”"),
        ("cache", f"frontend: {{{GOOD}}}\ncache: {{paths: []}}\n", "in “frontend”, one level down"),
        ("commands", f"frontend: {{{GOOD}, phases: {{commands: [a]}}}}\n", "in “build”, one level"),
        (
            "commands",
            f"frontend: {{{GOOD}, commands: [a]}}\n",
            "in “phases” > “build”, two levels down",
        ),
        (
            "build",
            f"frontend: {{{GOOD}, build: {{commands: [a]}}}}\n",
            "in “phases”, one level down",
        ),
        (
            "postBuild",
            f"frontend:\n  {GOOD}\n  phases:\n    build: {{commands: [a], postBuild: {{}}}}\n",
            "beside “build”, one level up; the frontend has no postBuild phase",
        ),
        ("phases", f"frontend: {{{GOOD}}}\nphases: {{}}\n", "in “frontend”, one level down"),
        ("files", f"frontend: {{{GOOD}, files: ['*']}}\n", "in “artifacts”, one level down"),
        ("baseDirectory", f"frontend: {{{GOOD}, baseDirectory: a}}\n", "in “artifacts”, one level"),
        ("paths", f"frontend: {{{GOOD}, paths: [a]}}\n", "in “cache”, one level down"),
        ("frontend", "backend: {frontend: {}}\n", "beside “backend”, one level up"),
        ("variables", f"frontend: {{{GOOD}}}\nvariables: {{A: 1}}\n", "in “env”, one level down"),
        (
            "env",
            f"frontend: {{{GOOD}, env: {{variables: {{}}}}}}\n",
            "beside “frontend”, one level",
        ),
        ("backend", f"frontend: {{{GOOD}, backend: {{}}}}\n", "beside “frontend”, one level up"),
        ("test", f"frontend: {{{GOOD}, test: {{}}}}\n", "beside “frontend”, one level up"),
        (
            "appRoot",
            f"applications: [{{appRoot: a, frontend: {{{GOOD}, appRoot: a}}}}]\n",
            "beside “frontend”, one level up",
        ),
    ],
)
def test_other_keys(key: str, text: str, words: str) -> None:
    [problem] = check(f"version: 1\n{text}")
    assert problem.severity is Severity.WARNING
    assert f"Amplify doesn't know “{key}” here. It belongs {words}" in problem.message


def test_beside_the_applications() -> None:
    applications = f"applications: [{{appRoot: a, frontend: {{{GOOD}}}}}]"
    [problem] = check(f"version: 1\n{applications}\nfrontend: {{{GOOD}}}\n")
    assert (problem.line, problem.severity) == (3, Severity.WARNING)
    assert "Amplify ignores “frontend” beside “applications”." in problem.message


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nbackend: {phases: {build: {commands: [npx ampx pipeline-deploy]}}}\n",
        f"version: 1\nx: &x {{{GOOD}}}\nfrontend: {{<<: *x}}\n",
        f"version: 1\nx: &x {{{GOOD}}}\ny: &y {{<<: *x}}\nfrontend: {{<<: [*y]}}\n",
        f"version: 1\nfrontend: {{{GOOD}}}\ntest: {{phases: {{test: {{commands: [a]}}}}}}\n",
    ],
)
def test_no_error_without_a_cause(text: str) -> None:
    assert errors(check(text)) == []
