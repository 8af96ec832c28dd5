"""Fields that a form doesn't have are ignored (guarantee 17)."""

from collections.abc import Callable

import pytest
from django.test import Client

from console.models import App, Branch, Member, User
from secrets_app.models import Secret
from tests.fixtures.people import World

EXTRA = {
    "id": "999",
    "pk": "999",
    "app": "2",
    "app_id": "d9taken",
    "region": "xx-nowhere-1",
    "hosting_project": "of-others",
    "created_at": "1999-01-01",
    "deleted_at": "1999-01-01",
    "is_superuser": "on",
    "is_staff": "on",
    "is_active": "",
    "role": "owner",
    "owner": "charlie@example.org",
    "user": "3",
    "version": "99",
    "changed_by": "nobody",
    "actor": "nobody",
    "path": "/amplify/else/where",
}


def rows_of(model: type) -> list[dict[str, object]]:
    """Return every row of a model."""
    return list(model.objects.order_by("pk").values())  # type: ignore[attr-defined]


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return the owner."""
    return client_for("alice")


def test_general_settings(alice: Client, world: World) -> None:
    [before, other] = rows_of(App)
    post = EXTRA | {"name": "Renamed", "path_profile": "both"}
    assert alice.post("/apps/d1shop/settings/general/", post).status_code == 302
    assert rows_of(App) == sorted(
        [before | {"name": "Renamed"}, other], key=lambda row: str(row["id"])
    )


def test_new_app(client_for: Callable[[str], Client], world: World) -> None:
    post = EXTRA | {"name": "New", "app_id": "d3new", "path_profile": "both"}
    assert client_for("olga").post("/apps/new/", post).status_code == 302
    app = App.objects.get(app_id="d3new")
    assert (app.region, app.created_at.year > 1999, app.pk != 999) == ("us-east-1", True, True)
    assert [member.user.email for member in app.members.all()] == ["olga@example.org"]


def test_new_branch(alice: Client, world: World) -> None:
    post = EXTRA | {"name": "new", "stage": "NONE", "app": world.other_app.pk}
    assert alice.post("/apps/d1shop/settings/branches/add/", post).status_code == 302
    branch = Branch.objects.get(name="new")
    assert (branch.app, branch.deleted_at, branch.pk != 999) == (world.app, None, True)


def test_branch_settings(alice: Client, world: World) -> None:
    before = rows_of(Branch)
    url = f"/apps/d1shop/settings/branches/{world.dev.pk}/"
    assert alice.post(url, EXTRA | {"name": "other", "stage": "BETA"}).status_code == 302
    changed = {world.dev.pk: {"stage": "BETA"}}
    assert rows_of(Branch) == [row | changed.get(int(str(row["id"])), {}) for row in before]


def test_save_of_secrets(alice: Client, world: World, secret: Secret) -> None:
    row = {
        f"{name}-{secret.pk}": value
        for name, value in (EXTRA | {"key": "OTHER", "branch": world.main.pk}).items()
    }
    post = EXTRA | row | {f"value-{secret.pk}": "new", f"base-{secret.pk}": secret.version}
    assert alice.post("/apps/d1shop/hosting/secrets/manage/", post).status_code == 302
    after = Secret.objects.get()
    assert (after.key, after.branch, after.version) == (secret.key, world.dev, 2)
    assert after.changed_by == "alice@example.org"


def test_reveal(client_for: Callable[[str], Client], secret: Secret) -> None:
    url = f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/"
    assert client_for("vera").post(url, EXTRA | {"role": "owner"}).status_code == 403


def test_password_change(client_for: Callable[[str], Client], world: World) -> None:
    new = {"password1": "a new long one", "password2": "a new long one"}
    old = {"oldpassword": "correct horse battery staple"}
    bob = client_for("bob")
    assert bob.post("/accounts/password/change/", EXTRA | new | old).status_code == 302
    user = User.objects.get(email="bob@example.org")
    assert (user.is_superuser, user.is_staff, user.is_active) == (False, False, True)
    assert Member.objects.get(user=user).role == "developer"


def test_user_in_the_admin(client_for: Callable[[str], Client], world: World) -> None:
    user = world.person("bob")
    post = EXTRA | {"email": user.email, "is_active": "on", "password": "md5$plain", "groups": "1"}
    del post["is_superuser"]
    url = f"/admin/console/user/{user.pk}/change/"
    assert client_for("olga").post(url, post).status_code == 302
    after = User.objects.get(pk=user.pk)
    assert (after.password, after.is_staff, after.is_superuser) == (user.password, False, False)


def test_member_in_the_admin(client_for: Callable[[str], Client], world: World) -> None:
    world.person("bob")
    member = Member.objects.get(app=world.app, user=world.person("vera"))
    post = {"app": world.other_app.pk, "user": world.person("charlie").pk, "role": "developer"}
    url = f"/admin/console/member/{member.pk}/change/"
    assert client_for("olga").post(url, post).status_code == 302
    member.refresh_from_db()
    assert (member.app, member.user, member.role) == (world.app, world.person("vera"), "developer")
