"""Revealing a protected value needs a recent sign-in or confirmation."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from secrets_app.models import Secret
from tests.console.auth.conftest import recorded
from tests.console.auth.test_second_factor import age
from tests.factories import set_secret
from tests.fixtures.people import PASSWORD, World

pytestmark = pytest.mark.usefixtures("clock")

FRAGMENT = {"HX-Request": "true"}
CONFIRM = "/accounts/reauthenticate/"


@pytest.fixture
def secrets(world: World) -> dict[str, Secret]:
    """Return a secret of each scope."""
    for branch in (None, world.main, world.dev):
        set_secret(world, "KEY", "the value", branch)
    return {
        str(row.branch or "All branches"): row for row in Secret.objects.select_related("branch")
    }


def reveal(client: Client, secret: Secret, **more: Any) -> Any:
    """Reveal with the button, or with the eye icon if `headers=FRAGMENT`."""
    return client.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/", **more)


@pytest.fixture
def mia(client_for: Callable[[str], Client]) -> Client:
    """Return the browser of a maintainer who signed in a while ago."""
    client = client_for("mia")
    age(client, 15 * 60 + 1)
    return client


@pytest.mark.parametrize("where", ["main", "All branches"])
def test_it_works(mia: Client, secrets: dict[str, Secret], where: str) -> None:
    secret = secrets[where]
    page = f"/apps/d1shop/hosting/secrets/{secret.pk}/"
    asked = reveal(mia, secret)
    assert unquote(asked["Location"]) == f"{CONFIRM}?next={page}"
    assert "reveal a protected value" in mia.get(asked["Location"]).text
    assert recorded("secret.reveal") == []
    assert mia.post(asked["Location"], {"password": PASSWORD})["Location"] == page
    shown = reveal(mia, secret)
    assert "the value" in shown.text
    assert len(recorded("secret.reveal")) == 1


def test_htmx_request(mia: Client, secrets: dict[str, Secret]) -> None:
    secret = secrets["main"]
    response = reveal(mia, secret, headers=FRAGMENT)
    assert response.status_code == 403
    page = f"/apps/d1shop/hosting/secrets/{secret.pk}/"
    assert f'href="{CONFIRM}?next={page}"' in unquote(response.text)
    assert "the value" not in response.text
    mia.post(CONFIRM, {"password": PASSWORD})
    assert "the value" in reveal(mia, secret, headers=FRAGMENT).text


def test_recent_sign_in(client_for: Callable[[str], Client], secrets: dict[str, Secret]) -> None:
    client = client_for("mia")
    age(client, 14 * 60)
    assert "the value" in reveal(client, secrets["main"]).text


def test_unprotected_branches_need_none(mia: Client, secrets: dict[str, Secret]) -> None:
    assert "the value" in reveal(mia, secrets["dev"]).text


def test_all_branches_without_protected_branches(
    mia: Client, secrets: dict[str, Secret], world: World
) -> None:
    world.app.branches.update(protected=False)
    assert "the value" in reveal(mia, secrets["All branches"]).text


@pytest.mark.parametrize("wrong", ["", "wrong", f"{PASSWORD} "])
def test_wrong_password(mia: Client, secrets: dict[str, Secret], wrong: str) -> None:
    assert mia.post(CONFIRM, {"password": wrong}).status_code == 200
    assert "the value" not in reveal(mia, secrets["main"], follow=True).text


def test_permission_is_checked_first(
    client_for: Callable[[str], Client], secrets: dict[str, Secret]
) -> None:
    for name, status in (("bob", 403), ("vera", 403), ("charlie", 404), ("olga", 404)):
        client = client_for(name)
        age(client, 3600)
        assert reveal(client, secrets["main"]).status_code == status


def test_unprotected_secret_does_not_confirm(mia: Client, secrets: dict[str, Secret]) -> None:
    reveal(mia, secrets["dev"])
    assert reveal(mia, secrets["main"]).status_code == 302


def test_turned_off(settings: Any, mia: Client, secrets: dict[str, Secret]) -> None:
    settings.REAUTHENTICATE *= 0
    assert "the value" in reveal(mia, secrets["main"]).text
    assert mia.get("/accounts/second-factor/app/add/").status_code == 302


def test_session_of_an_older_version(mia: Client, secrets: dict[str, Secret]) -> None:
    session = mia.session
    del session["confirmed_at"]
    session.save()
    assert reveal(mia, secrets["main"]).status_code == 302
