"""The folders of any names are those of Amplify's own package, @aws-amplify/platform-core."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from console.lib.naming.names import PathProfile
from secrets_app.paths import (
    AllBranches,
    InvalidPath,
    OneBranch,
    Sandbox,
    Scope,
    Standalone,
    scope_location,
)
from tests.amplify.packages import SecretClient
from tests.factories.collisions import COLLISIONS

app_ids = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=19).map("d".__add__)
names = st.one_of(
    st.text("a1-_./@#~é", min_size=1, max_size=255),
    st.text(string.ascii_letters, min_size=40, max_size=255),  # cut
    st.text(min_size=1),
)
identifiers = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,127}", fullmatch=True)
backends = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,49}", fullmatch=True)
scopes: st.SearchStrategy[Scope] = st.one_of(
    st.builds(AllBranches, app_ids),
    st.builds(OneBranch, app_ids, names),
    st.builds(Sandbox, names, names),
    st.builds(AllBranches, identifiers),
    st.builds(Standalone, identifiers, st.one_of(st.just("backend"), backends)),
)


def identifier(scope: Scope) -> object:
    """Return Amplify's identifier of a scope."""
    match scope:
        case AllBranches(app_id):
            return app_id
        case OneBranch(namespace, name):
            return {"namespace": namespace, "name": name, "type": "branch"}
        case Sandbox(namespace, name):
            return {"namespace": namespace, "name": name, "type": "sandbox"}
        case Standalone(namespace, name):
            return {"namespace": namespace, "name": name, "type": "standalone"}


def check(client: SecretClient, scopes: list[Scope]) -> None:
    """Compare the folders of the scopes. We refuse those with an empty part, as SSM does."""
    folders = client("folders", [identifier(scope) for scope in scopes])
    for scope, folder in zip(scopes, folders, strict=True):
        try:
            ours = scope_location(scope, PathProfile.BACKEND).primary
        except InvalidPath:
            ours = ""
        assert ours == ("" if "//" in folder else folder)


@settings(max_examples=10)
@given(found=st.lists(scopes, min_size=20, max_size=40))
def test_it_works(client: SecretClient, found: list[Scope]) -> None:
    check(client, found)


def test_names_that_collide(client: SecretClient) -> None:
    check(client, [OneBranch(it.app_id, name) for it in COLLISIONS for name in (it.one, it.other)])
