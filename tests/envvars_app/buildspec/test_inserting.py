"""Insert commands before the build command; nothing else in the text changes."""

import difflib

import pytest

from envvars_app.buildspec import DEFAULT
from envvars_app.buildspec.inserting import BuildPhase, CannotInsert, build_phases, insert

ECHO = 'echo "X=$X" >> .env'
COMMENTED = """\
# Our shop
version:   1      # one
frontend:
    phases:
        preBuild:
            commands: [ npm ci ]   # install
        build:
            commands:
            # what is done first
            - |
              # not a comment of YAML
              npm run lint

            # this one builds
            # the site
            - npm run build    # slow
            - "echo done"
    artifacts: {baseDirectory: 'dist', files: ["**/*"]}
"""
MONOREPO = """\
version: 1
applications:
  - appRoot: apps/web
    frontend:
      phases:
        build:
          commands:
            - npm run build
  - appRoot: apps/admin
    frontend:
      buildPath: /
      phases:
        build:
          commands: ['npm ci', "npm run build -w admin"]
  - appRoot: apps/docs
    backend: {}
"""


def added(before: str, after: str) -> list[tuple[int, str]]:
    """Return the new lines with their numbers; fail if any other line changed."""
    matcher = difflib.SequenceMatcher(a=before.splitlines(), b=after.splitlines(), autojunk=False)
    found = []
    for kind, _, _, start, end in matcher.get_opcodes():
        assert kind in {"equal", "insert"}, after
        if kind == "insert":
            found += [(n + 1, after.splitlines()[n]) for n in range(start, end)]
    return found


def test_it_works() -> None:
    result = insert(DEFAULT, "", [ECHO, "env | grep -e ^Y= >> .env"])
    assert added(DEFAULT, result) == [
        (12, '        - echo "X=$X" >> .env'),
        (13, "        - env | grep -e ^Y= >> .env"),
    ]


def test_comments_and_spaces_are_kept() -> None:
    result = insert(COMMENTED, "", [ECHO])
    assert added(COMMENTED, result) == [(14, f"            - {ECHO}")]


def test_a_command_is_inserted_once() -> None:
    once = insert(DEFAULT, "", [ECHO, ECHO])
    assert once.count(ECHO) == 1
    assert insert(once, "", [ECHO]) == once
    more = insert(once, "", [ECHO, "echo more"])
    assert added(once, more) == [(13, "        - echo more")]


@pytest.mark.parametrize(
    ("commands", "wanted"),
    [
        ("[]", [ECHO]),
        ("[ npm run build ]", [ECHO, "npm run build"]),
        ("['a, b', \"npm run build\"]", ["a, b", ECHO, "npm run build"]),
        (
            "\n        - npm ci\n        - ./gradlew assemble",
            ["npm ci", ECHO, "./gradlew assemble"],
        ),
        ("\n        - cat app/env.gradle\n        - x", [ECHO, "cat app/env.gradle", "x"]),
        ("\n      - >-\n        npm run\n        build\n      - b", [ECHO, "npm run build", "b"]),
        ("\n      - a\n      -   npm run build", ["a", ECHO, "npm run build"]),
        ("\n      - 'a\n        b'\n      # c\n      - vite", ["a b", ECHO, "vite"]),
        ("\n      - |\n        a\n        # b\n      - vite", ["a\n# b\n", ECHO, "vite"]),
        ("\n      - &x npm run build\n      - *x", [ECHO, "npm run build", "npm run build"]),
    ],
)
def test_every_yaml_style_of_a_list(commands: str, wanted: list[str]) -> None:
    text = f"frontend:\n  phases:\n    build:\n      commands: {commands}\n  cache: {{}} # end\n"
    result = insert(text, "", [ECHO])
    assert list(build_phases(result)[0].commands) == wanted
    assert result.endswith("  cache: {} # end\n")


@pytest.mark.parametrize(
    "line",
    [
        "echo a: b",
        "echo a #b",
        "- a",
        "'quoted'",
        '"a" b',
        "true",
        "5",
        "{a}",
        "[a]",
        "*a",
        "&a b",
        "!a b",
        "@a",
        "`a`",
        "%a",
        "| a",
        "? a",
        "a:",
        " a",
        "a ",
        "~",
        "",
        "it's: 'x'",
    ],
)
@pytest.mark.parametrize("commands", ["[npm run build]", "\n      - npm run build"])
def test_commands_are_quoted_where_yaml_needs_it(line: str, commands: str) -> None:
    text = f"frontend:\n  phases:\n    build:\n      commands: {commands}\n"
    result = insert(text, "", [line])
    assert build_phases(result)[0].commands == (line, "npm run build")


def test_the_applications_of_a_monorepo() -> None:
    assert build_phases(MONOREPO) == [
        BuildPhase("apps/web", "", ("npm run build",)),
        BuildPhase("apps/admin", "apps/admin", ("npm ci", "npm run build -w admin")),
    ]
    assert added(MONOREPO, insert(MONOREPO, "apps/web", [ECHO])) == [(8, f"            - {ECHO}")]
    result = insert(MONOREPO, "apps/admin", [ECHO])
    assert f"commands: ['npm ci', '{ECHO}', \"npm run build -w admin\"]\n" in result


@pytest.mark.parametrize(
    ("text", "app_root"),
    [
        ("version: 1\n", ""),
        ("backend:\n  phases: {build: {commands: [npm run build]}}\n", ""),
        ("frontend: {phases: {build: {commands: npm run build}}}\n", ""),
        ("frontend: {phases: {build: {commands: [{a: b}]}}}\n", ""),
        ("frontend: {phases: {preBuild: {commands: [npm ci]}}}\n", ""),
        ("frontend: {phases: [build]}\n", ""),
        (MONOREPO, ""),
        (MONOREPO, "apps/docs"),
        (DEFAULT, "apps/web"),
        ("applications: {}\nfrontend: {phases: {build: {commands: []}}}", ""),
    ],
)
def test_no_list_of_build_commands(text: str, app_root: str) -> None:
    with pytest.raises(CannotInsert, match="no frontend with a list of build commands"):
        insert(text, app_root, [ECHO])


def test_an_anchored_list() -> None:
    text = (
        "frontend:\n  phases:\n    build:\n      commands: &x\n      - npm run build\n"
        "    preBuild:\n      commands: *x\n"
    )
    assert added(text, insert(text, "", [ECHO])) == [(5, f"      - {ECHO}")]


@pytest.mark.parametrize("dash", ["-", "- # a-b"])
def test_a_command_below_its_dash(dash: str) -> None:
    text = (
        f"frontend:\n  phases:\n    build:\n      commands:\n      {dash}\n        npm run build\n"
    )
    with pytest.raises(CannotInsert, match="insert them by hand"):
        insert(text, "", [ECHO])


def test_a_comment_above_the_build_command() -> None:
    text = (
        "frontend:\n  phases:\n    build:\n      commands:\n"
        "        - |\n          npm ci\n          # lint\n        # site\n        - npm run build\n"
    )
    assert added(text, insert(text, "", [ECHO])) == [(8, f"        - {ECHO}")]
