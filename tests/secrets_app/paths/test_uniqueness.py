"""No two secrets share a parameter, and no listing covers another app's (guarantee 32)."""

import string
from itertools import product

from hypothesis import assume, example, given
from hypothesis import strategies as st

from console.lib.naming.names import PathProfile
from secrets_app.paths import (
    AllBranches,
    InvalidPath,
    Location,
    OneBranch,
    Sandbox,
    Scope,
    listing_prefixes,
    locate,
    sandbox_remark,
)

SPECIAL_CHARACTERS = "-_./@#~"
app_ids = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=19).map("d".__add__)
similar_app_ids = st.sampled_from(["d1", "d12", "d1a", "dshared", "damplify"])
keys = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=8).filter(
    lambda key: key not in {".", ".."}
)
# Short names over few characters, with those that the backend path drops
similar_names = st.text("a1" + SPECIAL_CHARACTERS, min_size=1, max_size=5)
names = similar_names | st.text(min_size=1, max_size=255)


@st.composite
def branches_like_backend_folders(draw: st.DrawFn) -> str:
    """Generate branch names that equal another scope's backend folder."""
    other = draw(plain_scopes)
    try:
        location = locate(other, "k", PathProfile.BACKEND)
    except InvalidPath:
        return "k"
    segment = location.primary.split("/")[-2]
    return draw(st.sampled_from([segment, f"{segment}/a", f"a/{segment}", f"{segment}/"]))


plain_scopes: st.SearchStrategy[Scope] = st.one_of(
    st.builds(AllBranches, similar_app_ids | app_ids),
    st.builds(OneBranch, similar_app_ids | app_ids, names),
    st.builds(Sandbox, names | similar_app_ids | st.just("shared"), names | similar_app_ids),
)
scopes: st.SearchStrategy[Scope] = st.one_of(
    plain_scopes, st.builds(OneBranch, similar_app_ids | app_ids, branches_like_backend_folders())
)
profiles = st.sampled_from(PathProfile)


def paths(scope: Scope, key: str, profile: PathProfile) -> set[str]:
    """Return the primary and mirror path of a secret; none if it has no valid path."""
    try:
        location = locate(scope, key, profile)
    except InvalidPath:
        return set()
    return {location.primary, location.mirror} - {None}  # type: ignore[return-value]


@given(scopes, scopes, keys, keys)
@example(AllBranches("d1"), AllBranches("d12"), "2", "k")
@example(OneBranch("d1", "a"), OneBranch("d1", "a/b"), "b", "k")
@example(OneBranch("d1", "2x"), OneBranch("d12", "x"), "k", "k")
@example(OneBranch("d1", "feature/login"), OneBranch("d1", "feature-login"), "k", "k")
@example(OneBranch("d1", "jane"), Sandbox("d1", "jane"), "k", "k")
@example(AllBranches("d1"), Sandbox("shared", "d1"), "k", "k")
@example(Sandbox("shop-", "www"), Sandbox("shop", "-www"), "k", "k")
@example(Sandbox("shop", "_www"), Sandbox("shop_", "www"), "k", "k")
@example(Sandbox("p" * 120, "u"), Sandbox("p" * 119, "pu"), "k", "k")
@example(Sandbox("p" * 121, "u" * 60), Sandbox("p" * 120, "pu" + "u" * 59), "k", "k")
@example(Sandbox("p" * 100, "u" + "u" * 60), Sandbox("p" * 100 + "u", "u" * 60), "k", "k")
def test_it_works(one: Scope, other: Scope, one_key: str, other_key: str) -> None:
    assume((one, one_key) != (other, other_key))
    for one_profile, other_profile in product(PathProfile, repeat=2):
        shared = paths(one, one_key, one_profile) & paths(other, other_key, other_profile)
        assert not shared or _is_remarked(one, other)


def _is_remarked(*scopes: Scope) -> bool:
    """Return True for sandboxes of which at least one has a remark. They belong to no app."""
    sandboxes = [scope for scope in scopes if isinstance(scope, Sandbox)]
    return sandboxes == [*scopes] and any(map(sandbox_remark, sandboxes))


@given(st.text(min_size=1), st.text(min_size=1), keys)
def test_amplifys_sandboxes_have_a_path(project: str, identifier: str, key: str) -> None:
    """SSM itself refuses a project without a letter or digit, whose path has an empty part."""
    assert locate(Sandbox(f"{project}a", identifier), key, PathProfile.BACKEND).primary
    assert locate(Sandbox(f"a{project}", identifier), key, PathProfile.BACKEND).primary


@given(scopes, keys, profiles)
def test_the_two_paths_of_a_secret_differ(scope: Scope, key: str, profile: PathProfile) -> None:
    try:
        location = locate(scope, key, profile)
    except InvalidPath:
        assume(False)
        return
    assert location != Location(location.primary, location.primary)


@given(similar_app_ids | app_ids, scopes, keys, profiles)
@example("d1", AllBranches("d12"), "k", PathProfile.BOTH)
@example("d1", OneBranch("d12", "main"), "k", PathProfile.BOTH)
@example("d1", OneBranch("d2", "../d1"), "k", PathProfile.BOTH)
def test_a_listing_covers_only_its_own_app(
    app_id: str, scope: Scope, key: str, profile: PathProfile
) -> None:
    assume(not isinstance(scope, Sandbox))  # a project may be named like an app; see below
    prefixes = tuple(f"{prefix}/" for prefix in listing_prefixes(app_id))
    own = not isinstance(scope, Sandbox) and scope.app_id == app_id
    for path in paths(scope, key, profile):
        assert path.startswith(prefixes) == own


@given(names | similar_app_ids, similar_app_ids | app_ids, names, keys)
def test_a_sandbox_of_a_project_named_like_an_app(
    branch: str, app_id: str, user: str, key: str
) -> None:
    sandbox = paths(Sandbox(app_id, user), key, PathProfile.BOTH)
    folders = {path.rpartition("/")[0] for path in sandbox}
    for scope, profile in product((AllBranches(app_id), OneBranch(app_id, branch)), PathProfile):
        assert not folders & {path.rpartition("/")[0] for path in paths(scope, key, profile)}
