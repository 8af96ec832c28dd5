"""Cache paths, headers and folders that Amplify doesn't use as they are written."""

import pytest

from envvars_app.buildspec.checking import Severity, check

CACHE = """\
version: 1
frontend:
  phases: {{build: {{commands: [npm run build]}}}}
  artifacts: {{baseDirectory: dist, files: ['**/*']}}
  cache:
    paths:
      - {}
"""
HEADERS = """\
version: 1
env:
  variables:
    TRUSTED: 'https://a.example.com'
frontend:
  phases: {{build: {{commands: [npm run build]}}}}
  artifacts: {{baseDirectory: dist, files: ['**/*']}}
  customHeaders:
    - pattern: '**/*'
      headers:
        - key: Access-Control-Allow-Origin
          value: {}
"""
ROOT = """\
version: 1
applications:
  - appRoot: {}
    frontend:
      phases: {{build: {{commands: [npm run build]}}}}
      artifacts: {{baseDirectory: dist, files: ['**/*']}}
"""


def test_it_works() -> None:
    paths = ["$(npm root -g)/**/*", "~/.cache/pnpm/**/*", "/root/.npm/**/*", "../node_modules/**/*"]
    problems = check(CACHE.format("\n      - ".join(paths)))
    assert [problem.line for problem in problems] == [7, 8, 9, 10]
    assert {problem.severity for problem in problems} == {Severity.WARNING}
    assert all("it is outside the project" in problem.message for problem in problems)
    [problem] = check(HEADERS.format("${TRUSTED}"))
    assert problem.line == 12
    assert "Amplify doesn't replace variables in headers" in problem.message
    [problem] = check(ROOT.format("./apps/shop"))
    assert problem.line == 3
    assert "./ doesn't belong into appRoot" in problem.message
    assert "Write apps/shop." in problem.message


@pytest.mark.parametrize(
    "path",
    [
        "$HOME/.npm/**/*",
        "${HOME}/.pub-cache/**/*",
        "'~/.gradle/**/*'",
        "/usr/local/lib/node_modules/**/*",
        "../../node_modules/**/*",
        "node_modules/../../x",
        "$(yarn cache dir)/**/*",
        "$(npm config get cache)",
        "'`npm root -g`/**/*'",
        "'C:\\cache'",
        "$CACHE_DIR/**/*",
    ],
)
def test_cache_paths_that_are_not_kept(path: str) -> None:
    [problem] = check(CACHE.format(path))
    assert problem.severity is Severity.WARNING
    assert problem.line == 7


@pytest.mark.parametrize(
    "path",
    [
        "node_modules/**/*",
        ".npm/**/*",
        "./node_modules/**/*",
        ".next/cache/**/*",
        "apps/web/../api/node_modules/**/*",
        "$(pnpm store path)",
        "$(pwd)/node_modules/**/*",
        "$PWD/.cache/**/*",
        "'**/node_modules'",
        ".yarn/cache/**/*",
        "$(yarn workspace web root)/x",
    ],
)
def test_cache_paths_in_the_project(path: str) -> None:
    assert check(CACHE.format(path)) == []


@pytest.mark.parametrize(
    "value", ["$TRUSTED", "'${TRUSTED} x'", '"a $B"', "$(TRUSTED)", "${{ env.TRUSTED }}"]
)
def test_variables_in_headers(value: str) -> None:
    [problem] = check(HEADERS.format(value))
    assert "variables in headers" in problem.message
    top = "version: 1\ncustomHeaders: [{pattern: $P, headers: [{key: a, value: b}]}]\nbackend: {}\n"
    assert [problem.line for problem in check(top)] == [2]


@pytest.mark.parametrize(
    "value", ["DENY", "'max-age=31536000; includeSubDomains'", "'a$'", "\"default-src 'self'\"", 5]
)
def test_plain_headers(value: object) -> None:
    assert check(HEADERS.format(value)) == []


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ("/apps/shop", "A / at the edge doesn't belong into appRoot"),
        ("apps/shop/", "A / at the edge doesn't belong into appRoot"),
        ('"./apps/shop"', "./ doesn't belong into appRoot"),
        ("./apps/shop/", "./ doesn't belong into appRoot"),
        ("apps\\shop", "Write apps/shop."),
        ("../shop", "must be a folder in the repository"),
        ("./", "must be a folder in the repository"),
        ("$APP_ROOT", "Amplify doesn't replace variables in appRoot"),
    ],
)
def test_app_roots(root: str, words: str) -> None:
    [problem] = check(ROOT.format(root))
    assert (problem.line, problem.severity) == (3, Severity.WARNING)
    assert words in problem.message


@pytest.mark.parametrize("root", ["apps/shop", "web", "packages/a.b-c", "'apps/@x/shop'"])
def test_good_app_roots(root: str) -> None:
    assert check(ROOT.format(root)) == []


def test_a_variable_in_the_output_folder() -> None:
    text = ROOT.format("web").replace("baseDirectory: dist", "baseDirectory: $OUT/dist")
    [problem] = check(text)
    assert "variables in baseDirectory" in problem.message
