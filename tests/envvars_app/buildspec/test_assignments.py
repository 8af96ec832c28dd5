"""Assignments in commands that no later command gets."""

import pytest

from envvars_app.buildspec.checking import Severity, check
from tests.envvars_app.buildspec.texts import of_commands

REPORTED = """\
version: 1
frontend:
  phases:
    build:
      commands:
        - VITE_API_URL=$API_URL
        - VITE_STAGE=$STAGE
        - npm run build
  artifacts:
    baseDirectory: dist
    files: ['**/*']
"""


def test_it_works() -> None:
    problems = check(REPORTED)
    assert [(problem.line, problem.severity) for problem in problems] == [
        (6, Severity.WARNING),
        (7, Severity.WARNING),
    ]
    assert "This sets VITE_API_URL for the shell alone" in problems[0].message
    assert "Write export VITE_API_URL=…, or put it before the command" in problems[0].message
    assert [problem.line for problem in check(REPORTED.replace("\n", "\r\n"))] == [6, 7]


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        (['REACT_APP_X="$X"', "yarn build"], "This sets REACT_APP_X for the shell"),
        (["NEXT_PUBLIC_X='a b'; pnpm build"], "This sets NEXT_PUBLIC_X for the shell"),
        (["GATSBY_X=1 && npm run build"], "This sets GATSBY_X"),
        (["A=1 B=2", "bun run build"], "This sets A, B for the shell"),
        (["A=$(cat a.txt)", "npm run build"], "This sets A for the shell"),
        (["A=`cat a.txt`", "npm run build"], "This sets A for the shell"),
        (["declare A=1", "npm run build"], "This sets A for the shell"),
        (["npm ci\nA=1\nnpm run build\n"], "This sets A for the shell"),
        (["(A=1; npm run build)"], "This sets A for the shell"),
        (["if [ -n x ]; then A=1; fi", "npm run build"], "This sets A for the shell"),
        (["set VITE_X=1", "npm run build"], "“set” sets no variable here: builds run bash"),
        (["setx VITE_X 1", "npm run build"], "“setx” sets no variable here"),
        (["$env:VITE_X = '1'", "npm run build"], "This is PowerShell"),
        (["A = 1", "npm run build"], "Remove the spaces around the ="),
        (["export A = 1", "npm run build"], "Remove the spaces around the ="),
        (["export $A=1", "npm run build"], "Remove the $ before the name"),
        (["(export A=1)", "npm run build"], "This export is lost"),
        (["bash -c 'export A=1'", "npm run build"], "This export is lost"),
        (["export A=1 | tee log", "npm run build"], "This export is lost"),
        (["export A=1 &", "npm run build"], "This export is lost"),
    ],
)
def test_similar_commands(commands: list[str], words: str) -> None:
    problems = of_commands(*commands)
    assert [words in problem.message for problem in problems] == [True], problems
    assert problems[0].severity is Severity.WARNING


def test_the_line_in_a_block() -> None:
    text = REPORTED.replace(
        "        - VITE_STAGE=$STAGE\n", "        - |\n          npm ci\n          VITE_STAGE=1\n"
    )
    assert [problem.line for problem in check(text)] == [6, 9]


@pytest.mark.parametrize(
    "commands",
    [
        ["export VITE_X=$X", "npm run build"],
        ["VITE_X=$X npm run build"],
        ["A=1 B='2 3' npx turbo run build"],
        ["VITE_X=1", "export VITE_X", "npm run build"],
        ["export VITE_X", "VITE_X=1", "npm run build"],
        ["declare -x VITE_X=1", "npm run build"],
        ["set -a", "VITE_X=1", "set +a", "npm run build"],
        ["set -o allexport; VITE_X=1; npm run build"],
        ["HERE=$(pwd)", "cd /tmp", "curl x", "cd $HERE", "npm run build"],
        ["V=20; nvm install $V", "npm run build"],
        ["V=1", 'echo "version ${V}" > v.txt', "npm run build"],
        ["V=1", "cat <<EOF > v.txt\n$V\nEOF\n", "npm run build"],
        ["V=1", "if [ $V = 1 ]; then npm run build; fi"],
        ["PATH=$PATH:/opt/bin", "npm run build"],
        ["env A=1 npm run build"],
        ["cross-env A=1 npm run build"],
        ["npm run build -- --mode=production"],
        ["flutter build web --dart-define=A=$A"],
        ["export A=1 B=2", "npm run build"],
        ["(export A=1; npm run build)"],
        ["bash -c 'export A=1; npm run build'"],
        ["# A=1", "npm run build"],
        ["echo 'A=1' >> .env", "npm run build"],
        ["echo A=1", "npm run build"],
    ],
)
def test_assignments_that_have_an_effect(commands: list[str]) -> None:
    assert of_commands(*commands) == []


def test_a_variable_of_the_environment_is_passed_on() -> None:
    text = REPORTED.replace("version: 1", "version: 1\nenv: {variables: {VITE_STAGE: dev}}")
    assert [problem.line for problem in check(text)] == [7]
    assert [p.line for p in check(REPORTED, {"VITE_API_URL": {"x"}})] == [7]


def test_a_later_phase_gets_it() -> None:
    assert of_commands("nvm use $NODE", before=["NODE=20"]) == []
    assert len(of_commands("nvm use 20", before=["NODE=20"])) == 1
