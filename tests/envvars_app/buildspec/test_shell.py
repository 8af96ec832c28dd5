"""Reading of shell commands: words, pipelines, subshells; and no text that stops it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envvars_app.buildspec.checking import LIMIT, check
from envvars_app.buildspec.inserting import build_phases
from envvars_app.buildspec.shell.parsing import parse
from envvars_app.buildspec.shell.walking import walk
from tests.envvars_app.buildspec.texts import with_commands


def words(text: str) -> list[list[str]]:
    """Return the words of each command, those of substitutions first."""
    return [[word.text for word in command.words] for command in walk(parse(text))]


def test_it_works() -> None:
    text = (
        "A=1 B='x y' npm run \"build:$ENV\" --flag\\ s > out.txt 2>&1 # why\n(cd web; ls) | tee log"
    )
    first, *rest = parse(text)
    assert {name: word.text for name, word in first.assignments.items()} == {"A": "1", "B": "x y"}
    assert [word.text for word in first.words] == ["npm", "run", "build:$ENV", "--flag s"]
    assert first.words[2].variables == ["ENV"]
    assert [(sign, word.text) for sign, word in first.redirections] == [
        (">", "out.txt"),
        ("2>&", "1"),
    ]
    assert [command.name for command in rest] == ["cd", "ls", "tee"]
    assert rest[0].shell == rest[1].shell != ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo $(a b) `c`", [["a", "b"], ["c"], ["echo", "$(a b)", "`c`"]]),
        ("cat <(env) > f", [["env"], ["cat", "<(env)"]]),
        ("bash -c 'a && b'", [["bash", "-c", "a && b"], ["a"], ["b"]]),
        ('eval "a b"', [["eval", "a b"], ["a", "b"]]),
        ("if [ -n x ]; then a; else b; fi", [["[", "-n", "x", "]"], ["a"], ["b"]]),
        ("a <<X > f\nb $(c)\nX\nd", [["c"], ["a"], ["d"]]),
        ("A=(b c) d", [["d"]]),
        ("a \\\n b", [["a", "b"]]),
        ("'a' \"b\"c $'d'", [["a", "bc", "d"]]),
        ("a; # b\nc", [["a"], ["c"]]),
        ("/usr/bin/env a", [["/usr/bin/env", "a"]]),
    ],
)
def test_commands(text: str, expected: list[list[str]]) -> None:
    assert words(text) == expected


def test_a_pipeline() -> None:
    env, grep, sort = parse("env | grep X | sort > f")
    assert (env.pipe_to, grep.pipe_to, sort.pipe_to) == (grep, sort, None)


_FRAGMENTS = [
    *"$`'\"\\(){}[]<>|&;#\n =~!*?-",
    *(
        "a",
        "A=1",
        "cd x",
        "cd ..",
        "env",
        "export ",
        "$(",
        "${",
        "$((",
        "<<E\n",
        "\nE\n",
        "<(",
        "2>&1",
    ),
    *("bash -c ", "eval ", "grep -v ", "| tee ", "echo $TOKEN", "build", "--prefix ", "PASSWORD=b"),
]


@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=15).map("".join))
def test_any_text_is_read(text: str) -> None:
    specification = with_commands(text, before=[text], app_root="apps/x")
    for problem in check(specification, {"AMPLIFY_MONOREPO_APP_ROOT": {text}}):
        assert 1 <= problem.line <= specification.count("\n") + 1
        problem.message.encode()
    build_phases(specification)


BOMBS = {
    "assignments": "B=1;" * 6_000,
    "substitutions": "$(" * 12_000,
    "nested substitutions": ("$(a " * 9 + ")" * 9 + " ") * 450,
    "braces": "${" * 12_000,
    "parentheses": "(" * 24_000,
    "pipes": "a|" * 12_000,
    "backticks": "`" * 24_000,
    "eval": "eval " * 4_800,
    "shells": "bash -c " * 2_900,
    "folders": "(cd a;" * 4_000,
}


@pytest.mark.parametrize("command", BOMBS.values(), ids=BOMBS)
def test_bombs(command: str) -> None:
    """Not timed: with quadratic work these would take longer than the test may run."""
    text = with_commands(command)
    assert len(text) <= LIMIT
    check(text)
    build_phases(text)


def test_aliases_repeat_a_long_command() -> None:
    text = "version: 1\nfrontend:\n  phases:\n    build:\n      commands:\n"
    text += f"        - &x '{'B=1;' * 4_500}'\n" + "        - *x\n" * 400
    assert len(text) <= LIMIT
    check(text)
    assert len(build_phases(text)[0].commands) == 401
