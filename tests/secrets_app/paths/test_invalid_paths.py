"""Keys and names that don't fit in a parameter path are rejected with the reason (guarantee 30)."""

import pytest

from console.lib.naming.names import (
    PathProfile,
    app_id_problem,
    backend_name_problem,
    is_amplify_id,
    is_app_id,
)
from secrets_app.paths import (
    PATH_LIMIT,
    AllBranches,
    InvalidPath,
    OneBranch,
    Sandbox,
    Standalone,
    check_key,
    check_path,
    listing_prefixes,
    locate,
    sandbox_remark,
    scope_location,
)

APP = "d1shop"
KEYS = {
    "empty": "",
    "a dot": ".",
    "two dots": "..",
    "NUL": "KEY\0",
    "line feed at the end": "KEY\n",
    "CR LF": "KEY\r\nX",
    "space": "MY KEY",
    "space around": " KEY",
    "no-break space": "KEY\xa0",
    "slash": "a/b",
    "colon": "a:b",
    "Cyrillic a": "\N{CYRILLIC CAPITAL LETTER A}PI_KEY",
    "fullwidth": "\N{FULLWIDTH LATIN CAPITAL LETTER K}EY",
    "Arabic digit": "KEY\N{ARABIC-INDIC DIGIT ONE}",
    "dotless i": "ap\N{LATIN SMALL LETTER DOTLESS I}",
    "long s": "\N{LATIN SMALL LETTER LONG S}ecret",
    "zero-width space": "KEY\u200b",
    "zero-width joiner": "KE\u200dY",
    "byte order mark": "\ufeffKEY",
    "right-to-left override": "KEY\u202e",
    "line separator": "KEY\u2028",
    "combining accent": "KE\u0301Y",
    "lone surrogate": "KEY\ud800",
    "ANSI escape": "\x1b[31mKEY",
    "dollar": "$KEY",
    "comma": "A,B",
    "star": "*",
}
APP_IDS = (
    *("", "d", "shared", "resource_reference", "D1", "1d", "a1", "d" * 21, "d1/..", "d-1", "d_1"),
    *("d1\n", "d1 ", "d1\0", "d\uff11", "d\u017f", "DSHOP", "..", "d1/shared"),
)
UNDOCUMENTED = {
    "hash sign": "fix#1",
    "space": "my branch",
    "non-ASCII": "función",
    "percent": "50%",
    "at": "a@b",
    "question mark": "what?",
    "colon": "a:b",
    "empty segment": "a//b",
    "leading slash": "/a",
    "trailing slash": "a/",
    "fifteen levels": "/".join("abcdefghijklm"),  # amplify, the app, these and the key: 16
    "backend branch": "main-branch-92c8a056ef",
    "backend sandbox": "x-sandbox-0123456789",
    "backend standalone": "x-standalone-abcdef0123",
    "backend segment last": "release/x-branch-0123456789",
    "backend segment alone": "-branch-0123456789",
}


@pytest.mark.parametrize("key", ["a", "A_b-c.9", "...", "-", "_", ".env", "k" * 500])
def test_it_works(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("profile", PathProfile)
def test_a_key(key: str, profile: PathProfile) -> None:
    for scope in (AllBranches(APP), OneBranch(APP, "main"), Sandbox("shop", "jane")):
        with pytest.raises(InvalidPath) as refusal:
            locate(scope, key, profile)
        assert len(str(refusal.value)) >= len("Enter a name.")
        assert str(refusal.value).isprintable()


@pytest.mark.parametrize("app_id", APP_IDS)
def test_an_app_id(app_id: str) -> None:
    assert not is_amplify_id(app_id)
    with pytest.raises(InvalidPath, match="app ID"):
        scope_location(OneBranch(app_id, "main"), PathProfile.BOTH)
    with pytest.raises(InvalidPath, match="app ID"):
        listing_prefixes(app_id)


def test_an_identifier() -> None:
    for text in ("a", "Shop", "my-app", "my-app-", "dshop", "pipeline", "sharedx", "x" * 128):
        assert not app_id_problem(text, is_standalone=True), text
    wrong = ("", "1a", "-a", "a_b", "a.b", "a/b", "a b", "a\n", "a\0", "\u0430", "\uff21", "..")
    for text in wrong:
        assert "a letter" in app_id_problem(text, is_standalone=True), text
        assert not is_app_id(text)
        for scope in (AllBranches(text), Standalone(text, "backend")):
            with pytest.raises(InvalidPath, match="identifier"):
                scope_location(scope, PathProfile.STANDALONE)
    assert "has 129" in app_id_problem("x" * 129, is_standalone=True)
    for text in ("shared", "sha-red", "shared--", "hosting"):  # SSM tells "Shared" from it
        assert "Deploy with another" in app_id_problem(text, is_standalone=True), text


def test_a_backends_name() -> None:
    for name in ("backend", "prod", "beta-eu.1_x", "b.c" * 16, "b" * 50):
        assert not backend_name_problem(name), name
    for name in ("-backend", ".x", "1", "a/b", "a b", "\u0430", "b" * 51, "a\n", "a--b", "a-"):
        assert "a letter" in backend_name_problem(name), name


@pytest.mark.parametrize("branch", UNDOCUMENTED.values(), ids=UNDOCUMENTED)
def test_a_branch_without_a_documented_path(branch: str) -> None:
    scope = OneBranch(APP, branch)
    with pytest.raises(InvalidPath, match=r"no documented path: .* path profile"):
        scope_location(scope, PathProfile.DOCUMENTED)
    both = locate(scope, "foo", PathProfile.BOTH)
    assert both.primary == locate(scope, "foo", PathProfile.BACKEND).primary
    assert both.mirror is None
    assert both.note.startswith("No documented path")


@pytest.mark.parametrize(
    "branch",
    [
        *("a/b", "main-branch", "x-branch-012345678", "x-branch-0123456789a"),
        *("x-branch-ABCDEF0123", "/".join("abcdefghijkl"), "b" * 255, "v1.2_rc-3", "shared", "..."),
    ],
)
def test_a_branch_with_a_documented_path(branch: str) -> None:
    location = locate(OneBranch(APP, branch), "foo", PathProfile.BOTH)
    assert location.mirror == f"/amplify/{APP}/{branch}/foo"


def test_a_key_that_makes_a_path_too_long() -> None:
    room = PATH_LIMIT - len(f"/amplify/shared/{APP}/")
    locate(AllBranches(APP), "k" * room, PathProfile.BOTH)
    with pytest.raises(InvalidPath, match=f"{PATH_LIMIT} characters"):
        locate(AllBranches(APP), "k" * (room + 1), PathProfile.BOTH)


def test_a_key_that_makes_only_the_mirror_too_long() -> None:
    scope = OneBranch(APP, "b" * 255)
    key = "k" * (PATH_LIMIT - len(f"/amplify/{APP}/{'b' * 255}/") + 1)
    location = locate(scope, key, PathProfile.BOTH)
    assert location.mirror is None
    assert "characters" in location.note
    with pytest.raises(InvalidPath, match="characters"):
        locate(scope, key, PathProfile.DOCUMENTED)


@pytest.mark.parametrize("path", ["", "/", "a", "a/b", "/a/", "//a", "/a//b", "/a b", "/a\n"])
def test_a_path(path: str) -> None:
    with pytest.raises(InvalidPath):
        check_path(path)


@pytest.mark.parametrize("project", ["", "@/", "日本"])
def test_a_project_without_letters_or_digits(project: str) -> None:
    with pytest.raises(InvalidPath, match=r"package\.json"):
        scope_location(Sandbox(project, "jane"), PathProfile.BOTH)


@pytest.mark.parametrize(
    ("project", "user", "reason"),
    [
        ("shop_", "www", "ends with a special character"),
        ("shop-", "www", "ends with a special character"),
        ("shop", "u" * 51, "50 letters"),
    ],
)
def test_an_ambiguous_sandbox(project: str, user: str, reason: str) -> None:
    """Amplify takes it, so it has a path, and a remark."""
    assert sandbox_remark(Sandbox("shop", "_www")) == ""
    assert reason in sandbox_remark(Sandbox(project, user))
    assert scope_location(Sandbox(project, user), PathProfile.BOTH)
