"""Names that collide share a backend folder, and nothing else shares one (guarantee 32)."""

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from console.lib.naming.names import AMPLIFY_PROFILES, PathProfile
from secrets_app.paths import OneBranch, Sandbox, branch_folders, scope_location
from tests.factories.collisions import COLLISIONS, Collision

PROFILES = AMPLIFY_PROFILES
collisions = st.sampled_from(COLLISIONS)
texts = st.text(min_size=1, max_size=12)


@given(collisions)
def test_it_works(pair: Collision) -> None:
    assert pair.one != pair.other
    one, other = (
        branch_folders(pair.app_id, name, PathProfile.BACKEND) for name in (pair.one, pair.other)
    )
    assert one == other
    assert len(one) == 1


@given(collisions)
def test_documented_folders_differ(pair: Collision) -> None:
    one, other = (
        branch_folders(pair.app_id, name, PathProfile.DOCUMENTED) for name in (pair.one, pair.other)
    )
    assert not one & other


@given(collisions, texts)
def test_the_same_names_in_another_app_share_nothing(pair: Collision, text: str) -> None:
    for mine, theirs in product(PROFILES, repeat=2):
        one = branch_folders(pair.app_id, pair.one, mine)
        assert not one & branch_folders("d9another", pair.other, theirs)
        assert not one & branch_folders("d9another", pair.one, theirs)


@given(collisions)
def test_other_branches_share_nothing_with_them(pair: Collision) -> None:
    names = ("main", "dev", pair.one, f"{pair.one}x", f"x{pair.other}")
    folders = [
        set().union(*(branch_folders(pair.app_id, name, profile) for profile in PROFILES))
        for name in names
    ]
    assert not [both for both in combinations(folders, 2) if both[0] & both[1]]


@given(collisions, texts)
def test_a_branch_named_like_the_shared_folder(pair: Collision, text: str) -> None:
    [folder] = branch_folders(pair.app_id, pair.one, PathProfile.BACKEND)
    segment = folder.rpartition("/")[2]
    for name in (segment, f"x/{segment}", f"{segment}/x", f"{text}{segment}"):
        for profile in PROFILES:
            assert folder not in branch_folders(pair.app_id, name, profile)


@given(collisions, texts)
def test_a_sandbox_never_has_a_branchs_folder(pair: Collision, text: str) -> None:
    """Not even one of a project that is named like the app, for a developer who chose its name."""
    for identifier in (pair.one, pair.other, "main"):
        try:
            folder = scope_location(Sandbox(pair.app_id, identifier), PathProfile.BACKEND).primary
        except ValueError:  # its name is too long, which is refused
            continue
        segment = folder.rpartition("/")[2]
        for branch in (identifier, segment, text, f"{text}/{segment}", f"{segment}/{text}"):
            for profile in PROFILES:
                assert folder not in branch_folders(pair.app_id, branch, profile)


def test_the_scopes_are_branches() -> None:
    pair = COLLISIONS[0]
    location = scope_location(OneBranch(pair.app_id, pair.one), PathProfile.BOTH)
    assert location.mirror == f"/amplify/{pair.app_id}/{pair.one}"
