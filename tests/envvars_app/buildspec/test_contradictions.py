"""Variables that contradict the specification."""

import pytest

from envvars_app.buildspec.checking import Severity, check

ROOT = "AMPLIFY_MONOREPO_APP_ROOT"
REPORTED = """\
version: 1
applications:
  - appRoot: apps/main
    frontend:
      phases:
        build:
          commands:
            - npm run build
      artifacts:
        baseDirectory: out
        files:
          - '**/*'
"""
SINGLE = """\
version: 1
frontend:
  phases: {build: {commands: [npm run build]}}
  artifacts: {baseDirectory: dist, files: ['**/*']}
"""
TWO = REPORTED + (
    "  - appRoot: apps/shop\n    frontend:\n"
    "      phases: {build: {commands: [npm run build]}}\n"
    "      artifacts: {baseDirectory: dist, files: ['**/*']}\n"
)


def test_it_works() -> None:
    assert check(REPORTED) == []
    [problem] = check(REPORTED, {ROOT: {"apps/shop"}})
    assert (problem.line, problem.severity) == (3, Severity.WARNING)
    assert f"The variable {ROOT} is “apps/shop”, which matches no application" in problem.message
    [problem] = check(SINGLE, {ROOT: {"apps/shop"}})
    assert "expects “applications” with that appRoot" in problem.message


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        (TWO, "apps/api", "matches no application"),
        (TWO, "apps/Shop", "matches no application"),
        (TWO, "./apps/shop", "Write both the same way: apps/shop."),
        (TWO, "apps/shop/", "Write both the same way"),
        (TWO.replace("apps/shop", "'./apps/shop'"), "apps/shop", "Write both the same way"),
        (TWO.replace("\n", "\r\n"), "apps/api", "matches no application"),
        (
            "version: 1\napplications: [{appRoot: a, frontend: {artifacts: {files: ['*']}}}]\n",
            "b",
            "matches no application",
        ),
        ("version: 1\nbackend: {}\n", "b", "expects “applications”"),
    ],
)
def test_roots_that_do_not_match(text: str, value: str, words: str) -> None:
    assert any(words in problem.message for problem in check(text, {ROOT: {value}}))


@pytest.mark.parametrize(
    ("text", "values"),
    [(TWO, {"apps/shop"}), (TWO, {"apps/main", "apps/shop"}), (SINGLE, {""}), (SINGLE, set())],
)
def test_roots_that_match(text: str, values: set[str]) -> None:
    assert check(text, {ROOT: values}) == []


def test_one_of_the_branches_has_another_root() -> None:
    [problem] = check(TWO, {ROOT: {"apps/shop", "apps/gone"}})
    assert "“apps/gone”" in problem.message


@pytest.mark.parametrize(
    ("folder", "found"),
    [("apps/shop", 0), ("apps", 0), ("apps/shop/src", 0), ("/", 0), ("services", 1), ("app", 1)],
)
def test_the_folder_whose_changes_start_a_build(folder: str, found: int) -> None:
    variables = {"AMPLIFY_DIFF_DEPLOY": {"true"}, "AMPLIFY_DIFF_DEPLOY_ROOT": {folder}}
    assert len(check(TWO, variables)) == found
    assert check(TWO, variables | {"AMPLIFY_DIFF_DEPLOY": {"false"}}) == []
    assert check(SINGLE, variables) == []


def test_a_variable_in_both_places() -> None:
    text = f"version: 1\nenv:\n  variables:\n    STAGE: dev\n    PORT: 3000\n{SINGLE[11:]}"
    assert check(text, {"STAGE": {"dev"}, "PORT": {"3000"}, "OTHER": {"x"}}) == []
    [problem] = check(text, {"STAGE": {"prod"}})
    assert problem.line == 4
    assert "Environment variables also has “STAGE”, with another value." in problem.message
    assert len(check(text, {"STAGE": {"dev", "prod"}})) == 1
    assert check(text.replace("STAGE: dev", "STAGE: ${STAGE}"), {"STAGE": {"prod"}}) == []
    inside = TWO.replace(
        "appRoot: apps/shop\n", "appRoot: apps/shop\n    env: {variables: {A: b}}\n"
    )
    assert len(check(inside, {"A": {"c"}})) == 1
