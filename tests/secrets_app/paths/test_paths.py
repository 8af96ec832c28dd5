"""The tables of docs/parameter-paths.md: the paths of each scope and profile."""

import pytest

from console.lib.naming.names import PathProfile
from secrets_app.paths import (
    AllBranches,
    Location,
    OneBranch,
    Sandbox,
    Scope,
    listing_prefixes,
    locate,
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
