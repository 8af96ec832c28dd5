"""The tables of docs/parameter-paths.md: the paths of each scope and profile."""

import pytest

from console.lib.naming.names import PathProfile
from secrets_app.paths import (
    AllBranches,
    Location,
    OneBranch,
    Sandbox,
    Scope,
    Standalone,
    listing_prefixes,
    locate,
    standalone_prefixes,
)

APP = "d1j5gg27qnqg3c"
BACKEND = {
    "main": f"/amplify/{APP}/main-branch-92c8a056ef/foo",
    "feature/login": f"/amplify/{APP}/featurelogin-branch-65132dec55/foo",
    "feature-login": f"/amplify/{APP}/featurelogin-branch-86de79788f/foo",
    "pr-42": f"/amplify/{APP}/pr42-branch-33b3806cb1/foo",
    "日本語/ブランチ": f"/amplify/{APP}/-branch-620f401a64/foo",
}
SANDBOXES = {
    ("my-cool-app", "jane.doe"): "/amplify/mycoolapp/janedoe-sandbox-25248525fc/foo",
    ("@acme/web-shop", "ec2-user"): "/amplify/acmewebshop/ec2user-sandbox-61a6ba4570/foo",
}
# By @aws-amplify/platform-core 1.12.1 itself
STANDALONE = {
    ("shop", "backend"): "/amplify/shop/backend-standalone-c72aab5b59/foo",
    ("my-app", "backend"): "/amplify/myapp/backend-standalone-abeed4c9fc/foo",
    ("myapp", "backend"): "/amplify/myapp/backend-standalone-57996267e8/foo",
    ("my-app", "hosting"): "/amplify/myapp/hosting-standalone-db0e25dce0/foo",
    ("Shop-2-", "backend"): "/amplify/Shop2/backend-standalone-da30e7d2bc/foo",
    ("dshop", "backend"): "/amplify/dshop/backend-standalone-0af5bf61b7/foo",
    ("pipeline", "prod"): "/amplify/pipeline/prod-standalone-3b5c978cc4/foo",
    ("pipeline", "beta-eu.1"): "/amplify/pipeline/betaeu1-standalone-7783687ccf/foo",
    ("x" * 128, "y" * 50): f"/amplify/{'x' * 46}/{'y' * 50}-standalone-17e38a39d5/foo",
}
DOCUMENTED = {branch: f"/amplify/{APP}/{branch}/foo" for branch in BACKEND if branch.isascii()}


@pytest.mark.parametrize("branch", BACKEND)
def test_it_works(branch: str) -> None:
    location = locate(OneBranch(APP, branch), "foo", PathProfile.BOTH)
    assert (location.primary, location.mirror) == (BACKEND[branch], DOCUMENTED.get(branch))
    assert bool(location.note) == (branch not in DOCUMENTED)


@pytest.mark.parametrize("branch", BACKEND)
def test_backend_profile_has_no_mirror(branch: str) -> None:
    location = locate(OneBranch(APP, branch), "foo", PathProfile.BACKEND)
    assert location == Location(BACKEND[branch])


@pytest.mark.parametrize("branch", DOCUMENTED)
def test_documented_profile_has_the_raw_name(branch: str) -> None:
    location = locate(OneBranch(APP, branch), "foo", PathProfile.DOCUMENTED)
    assert location == Location(DOCUMENTED[branch])


@pytest.mark.parametrize("profile", PathProfile)
def test_all_branches_have_the_shared_path_in_every_profile(profile: PathProfile) -> None:
    assert locate(AllBranches(APP), "foo", profile) == Location(f"/amplify/shared/{APP}/foo")


@pytest.mark.parametrize("profile", PathProfile)
@pytest.mark.parametrize("names", SANDBOXES)
def test_a_sandbox_has_the_backend_path_in_every_profile(
    names: tuple[str, str], profile: PathProfile
) -> None:
    assert locate(Sandbox(*names), "foo", profile) == Location(SANDBOXES[names])


def test_a_standalone_backend_has_its_own_path_and_the_raw_identifier_for_all_branches() -> None:
    for (identifier, name), path in STANDALONE.items():
        for profile in PathProfile:
            assert locate(Standalone(identifier, name), "foo", profile) == Location(path)
            shared = locate(AllBranches(identifier), "foo", profile)
            assert shared == Location(f"/amplify/shared/{identifier}/foo")


@pytest.mark.parametrize(
    ("scope", "folder"),
    [
        # clean(branch)[:50], then clean(namespace)[:128 - 7 - 6 - 50 - 4 - 10 - 1]
        (OneBranch(APP, "b" * 255), f"/amplify/{APP}/{'b' * 50}-branch-"),
        (Sandbox("p" * 214, "u" * 50), f"/amplify/{'p' * 49}/{'u' * 50}-sandbox-"),
        (Sandbox("p" * 214, "u"), f"/amplify/{'p' * 98}/u-sandbox-"),
    ],
    ids=["branch", "sandbox", "a short user leaves room"],
)
def test_long_names_are_cut_as_in_amplify(scope: Scope, folder: str) -> None:
    assert locate(scope, "foo", PathProfile.BACKEND).primary.startswith(folder)


def test_listing_prefixes() -> None:
    assert listing_prefixes(APP) == (f"/amplify/{APP}", f"/amplify/shared/{APP}")


def test_listing_prefixes_of_a_standalone_backend() -> None:
    shared = "/amplify/shared/my-app"
    assert standalone_prefixes("my-app", ["backend", "prod"]) == ("/amplify/myapp", shared)
    long = "x" * 128  # cut by the length of each name
    assert standalone_prefixes(long, ["y" * 50]) == (
        f"/amplify/{'x' * 89}",
        f"/amplify/{'x' * 46}",
        f"/amplify/shared/{long}",
    )
