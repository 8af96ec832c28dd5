"""Check a build specification: each problem has a line and says what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envvars_app.buildspec import DEFAULT
from envvars_app.buildspec.checking import LIMIT, Problem, Severity, check, errors

ARTIFACTS = "{baseDirectory: dist, files: ['**/*']}"
COMMANDS = (
    f"version: 1\nfrontend:\n  artifacts: {ARTIFACTS}\n  phases:\n    build:\n      commands:\n"
)
EVERYTHING = """\
version: 1.0
env:
  variables:
    PORT: 3000
    NAME: shop
backend:
  phases:
    preBuild: {commands: [npm ci]}
    build:
      commands:
        - npx ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID
    postBuild:
      commands: []
frontend:
  buildPath: /
  phases:
    build:
      commands:
        - 'echo "a: b # c"'
        - |
          npm ci
          npm run build
  artifacts:
    baseDirectory: dist
    discard-paths: yes
    files:
      - '**/*'
  cache:
    paths:
      - node_modules/**/*
  customHeaders:
    - pattern: '**/*'
      headers:
        - key: X-Frame-Options
          value: DENY
test:
  phases:
    preTest: {commands: [npm ci]}
    test: {commands: [npx cypress run]}
    postTest: {commands: [npx mochawesome-merge]}
  artifacts:
    baseDirectory: cypress
    configFilePath: '**/mochawesome.json'
    files: ['**/*.png']
"""
MONOREPO = """\
version: 1
applications:
  - appRoot: apps/web
    env: &env
      variables:
        CI: "true"
    frontend: &frontend
      artifacts: {baseDirectory: dist, files: ['**/*']}
      phases: {build: {commands: [npm run build]}}
  - appRoot: apps/admin
    env: *env
    frontend:
      <<: *frontend
      buildpath: /
"""


@pytest.mark.parametrize("text", [DEFAULT, EVERYTHING, MONOREPO, "\ufeff" + DEFAULT])
def test_it_works(text: str) -> None:
    assert check(text) == []


WRONG = {
    # the text below `commands:`, then the line and a part of the message of its only problem
    "        - echo Key: value\n": (7, "put the whole command in quotes"),
    "        - npm ci\n        - true\n": (8, "YAML reads “true” as yes or no. Put it in quotes."),
    "        - 5\n": (7, "as a number"),
    "        - 2020-01-01\n": (7, "as a date"),
    "        -\n": (7, "A command is empty"),
    "        - [npm, ci]\n": (7, "A command must be a single value"),
    "        npm run build\n": (7, "“commands” must be a list. Write each item on its own line"),
    "        - `id`\n": (7, "starts with ` needs quotes"),
    "        - @x\n": (7, "starts with @ needs quotes"),
    "        - %x\n": (7, "starts with % needs quotes"),
    "        - **/*\n": (7, "starts with * needs quotes"),
    "        - *x\n": (7, "starts with * needs quotes"),
    "        - !!python/object/apply:os.system [id]\n": (7, "tags such as !name"),
    "        - !x y\n": (7, "tags such as !name"),
    "        - '**/*\n": (8, "A quote is opened but never closed"),
    "        - [a\n": (8, "A bracket, a brace or a quote is never closed"),
    "\t- a\n": (7, "YAML can't be indented with tabs"),
    "        - a\n     - b\n": (8, "does not fit the lines above it"),
    '        - "a" b\n': (7, "does not fit the lines above it"),
    "        - a\n---\nversion: 1\n": (8, "single document"),
    "        - {{ x }}\n": (7, "A key must be one plain word"),
    "        - {*a : b}\n": (7, "A key must be one plain word"),
    "        - a\x00b\n": (7, "U+0000"),
    "        - \x1b[1m\n": (7, "U+001B"),
    "        - \ud800\n": (7, "U+D800"),
    '        - "\\U00110000"\n': (7, r"The largest character is \U0010FFFF."),
    '        - "\n         \\UFFFFFFFF"\n': (8, r"The largest character is \U0010FFFF."),
    '        - a\n        - "\\ud800"\n': (8, "half a character"),
    '        - "\\ud83d\\ude00"\n': (7, "half a character"),
    '        - {"\\udfff": 1}\n': (7, "half a character"),
    f"        - {'[' * 20_000}\n": (7, "more than 20 levels deep"),
}


@pytest.mark.parametrize("below", WRONG, ids=lambda below: below.strip()[:20])
def test_errors_in_commands(below: str) -> None:
    line, words = WRONG[below]
    [problem] = check(COMMANDS + below)
    assert (problem.line, problem.severity) == (line, Severity.ERROR)
    assert words in problem.message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "specification is empty"),
        ("# only a comment\n", 1, "specification is empty"),
        ("~", 1, "specification is empty"),
        ("npm run build", 1, "A build specification must contain keys"),
        ("- version: 1", 1, "A build specification must contain keys"),
        ("version: one\nbackend: {}", 1, "YAML reads “one” as text. Write “version: 1”."),
        ("version: 1\nfrontend: npm", 2, "“frontend” must contain keys"),
        ("version: 1\nbackend:\n  phases:\n", 3, "“phases” must contain keys"),
        ("version: 1\nbackend: {}\nenv: {variables: [a]}", 3, "“variables” must contain names"),
        ("version: 1\nbackend: {}\nenv: {variables: {A: }}", 3, "“A” is empty"),
        ("version: 1\nbackend: {}\nenv: {variables: {A: 1, A: 2}}", 3, "duplicate of line 3"),
        ("version: 1\nbackend: {}\n\nbackend: {}", 4, "duplicate of line 2"),
        ("version: 1\nfrontend: {artifacts: {files: '**/*'}}", 2, "“files” must be a list"),
        (
            "version: 1\nfrontend: {artifacts: {}, cache: {paths: [{a: b}]}}",
            2,
            "A path must be a single value",
        ),
        ("version: 1\napplications: {appRoot: a}", 2, "“applications” must be a list"),
        ("version: 1\napplications:\n  - backend: {}", 3, "needs “appRoot”"),
        ("version: 1\nbackend: {}\n# \x85\u2028\nenv: 5", 4, "“env” must contain keys"),
        ("%YAML 1." + "9" * 5_000 + "\n---\nversion: 1", 1, "after %YAML"),
        ('version: 1\n"\\ud800": 1', 2, "half a character"),
        ('version: 1\napplications: [{appRoot: "x\\ud800", backend: {}}]', 2, "half a character"),
        ("x" * (LIMIT + 1), 1, "at most 25,000 characters; this one has 25,001"),
    ],
)
def test_errors_elsewhere(text: str, line: int, words: str) -> None:
    [problem] = errors(check(text))
    assert problem.line == line
    assert words in problem.message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "version: 1\nfronted: {}\ntest: {}",
            Problem(2, "Amplify doesn't know “fronted” here. Did you mean “frontend”?"),
        ),
        (
            "version: 1\nbackend:\n  phases:\n    Build: {}",
            Problem(4, "Amplify doesn't know “Build” here. Did you mean “build”?"),
        ),
        (
            "version: 1\nfrontend:\n  artifacts: {}\n  cache: {xyz: 1}",
            Problem(4, "Amplify doesn't know “xyz” here. “cache” can hold paths."),
        ),
        (
            "backend: {}",
            Problem(1, "The version is missing. Write “version: 1” as the first line."),
        ),
        (
            "version: 1",
            Problem(1, "There is nothing to build. Write a frontend with its phases."),
        ),
        (
            "version: 1\nbackend: {}\nappRoot: a",
            Problem(3, "Amplify ignores appRoot here. Move it into an application."),
        ),
    ],
)
def test_warnings_are_not_errors(text: str, problem: Problem) -> None:
    [found] = check(text)
    assert found == Problem(problem.line, problem.message, Severity.WARNING)
    assert errors([found]) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "env:\n  variables:\n    STRIPE_SECRET: abc\n",
            9,
            "The name looks like the name of a secret.",
        ),
        ("env:\n  variables:\n    A: sk_live_CANARY123456\n", 9, "looks like a Stripe key."),
        ("env: {variables: {NEXT_PUBLIC_KEY: abc, PORT: 3000}}\n", 0, ""),
        ("        - curl -H ghp_CANARY1234567890123456 x\n", 7, "looks like a GitHub token."),
        ("        - npx ampx pipeline-deploy --branch $AWS_BRANCH\n", 0, ""),
        ("        - ./deploy --password $PASSWORD\n", 0, ""),
    ],
)
def test_likely_secrets_are_warned_about(text: str, line: int, words: str) -> None:
    problems = check(COMMANDS + text if text.startswith(" ") else f"{COMMANDS.rstrip()} []\n{text}")
    assert [problem.line for problem in problems] == ([line] if line else [])
    for problem in problems:
        assert problem.severity is Severity.WARNING
        assert words in problem.message
        assert "CANARY" not in problem.message


def test_problems_are_sorted_by_line() -> None:
    problems = check("frontnd: {}\nversion: 1\nenv: 5\nfrontend: 6\nbackend: 7\n")
    assert [problem.line for problem in problems] == [1, 3, 4, 5]


def test_the_limit_counts_characters() -> None:
    filling = "# " + "é" * (LIMIT - len(DEFAULT) - 2)
    assert check(DEFAULT + filling) == []
    assert len(errors(check(DEFAULT + filling + "é"))) == 1


BOMBS = {
    "aliases of aliases": "a0: &a0 [x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60))
    + "version: 1\nfrontend: {phases: {build: {commands: *a59}}}\n",
    "itself": "version: 1\nfrontend: &f\n  phases: &p\n    build: *f\n    test: *p\n    <<: *p\n",
    "many commands": COMMANDS + "        - true\n" * 1600,
    "many aliases": COMMANDS + "        - &x true\n" + "        - *x\n" * 1800,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_bombs_cost_no_more_than_their_length(text: str) -> None:
    assert len(text) <= LIMIT
    assert len(check(text)) <= 2000


_FRAGMENTS = [
    *"\n\n  --::[]{},&*?!|>'\"%@`#~\\\t",
    *("a", "version", "frontend", "phases", "appRoot", ": ", "- ", "\n  ", "<<", "---\n", "...\n"),
    *("\\ud800", "\\udfff", "\\U00110000", "\\UFFFFFFFF", "\\x00", "\\N", "%YAML 1.", "9" * 5_000),
    *("%TAG ! ", "!!", "%FF", "\0", "\x85", "\u2028", "\ufeff", "\ufffe", "\ud800", "\U0001f511"),
]


@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=12).map("".join))
def test_problems_of_any_text_can_be_displayed(text: str) -> None:
    for written in (text, f'version: 1\n"{text}": "{text}"\n'):
        for problem in check(written):
            assert 1 <= problem.line <= written.count("\n") + 1
            problem.message.encode()
