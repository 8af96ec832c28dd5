"""Who reveals a protected value confirms that it is him, if his sign-in is long ago."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from secrets_app.models import Secret
from tests.browser.steps import set_secrets
from tests.console.auth.conftest import recorded
from tests.console.auth.test_second_factor import age
from tests.fixtures.people import PASSWORD, World

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("clock")]

FRAGMENT = {"HX-Request": "true"}
CONFIRM = "/accounts/reauthenticate/"


@pytest.fixture
def secrets(world: World) -> dict[str, Secret]:
    """Return a secret of each scope."""
    for branch in (None, world.main, world.dev):
        set_secrets(world, {"KEY": "the value"}, branch)
    return {
        str(row.branch or "All branches"): row for row in Secret.objects.select_related("branch")
    }


def reveal(client: Client, secret: Secret, **more: Any) -> Any:
    """Press the button, or the eye with `headers=FRAGMENT`."""
    return client.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/", **more)


@pytest.fixture
def mia(as_: Callable[[str], Client]) -> Client:
    """Return a maintainer's browser, in which she signed in a while ago."""
    client = as_("mia")
    age(client, 15 * 60 + 1)
    return client


@pytest.mark.parametrize("where", ["main", "All branches"])
def test_it_works(mia: Client, secrets: dict[str, Secret], where: str) -> None:
    secret = secrets[where]
    page = f"/apps/d1shop/hosting/secrets/{secret.pk}/"
    asked = reveal(mia, secret)
    assert unquote(asked["Location"]) == f"{CONFIRM}?next={page}"
    assert "This value is protected." in mia.get(asked["Location"]).text
    assert recorded("secret.reveal") == []
    assert mia.post(asked["Location"], {"password": PASSWORD})["Location"] == page
    shown = reveal(mia, secret)
    assert "the value" in shown.text
    assert len(recorded("secret.reveal")) == 1


def test_a_fragment_says_so(mia: Client, secrets: dict[str, Secret]) -> None:
    secret = secrets["main"]
    answer = reveal(mia, secret, headers=FRAGMENT)
    assert answer.status_code == 403
    page = f"/apps/d1shop/hosting/secrets/{secret.pk}/"
    assert f'href="{CONFIRM}?next={page}"' in unquote(answer.text)
    assert "the value" not in answer.text
    mia.post(CONFIRM, {"password": PASSWORD})
    assert "the value" in reveal(mia, secret, headers=FRAGMENT).text


def test_a_fresh_sign_in_counts(as_: Callable[[str], Client], secrets: dict[str, Secret]) -> None:
    client = as_("mia")
    age(client, 14 * 60)
    assert "the value" in reveal(client, secrets["main"]).text


def test_where_nothing_is_protected_nobody_is_asked(
    mia: Client, secrets: dict[str, Secret]
) -> None:
    assert "the value" in reveal(mia, secrets["dev"]).text


def test_all_branches_without_a_protected_one(
    mia: Client, secrets: dict[str, Secret], world: World
) -> None:
    world.app.branches.update(protected=False)
    assert "the value" in reveal(mia, secrets["All branches"]).text


@pytest.mark.parametrize("wrong", ["", "wrong", f"{PASSWORD} "])
def test_a_wrong_password_confirms_nothing(
    mia: Client, secrets: dict[str, Secret], wrong: str
) -> None:
    assert mia.post(CONFIRM, {"password": wrong}).status_code == 200
    assert "the value" not in reveal(mia, secrets["main"], follow=True).text


def test_whoever_may_not_is_told_that_instead(
    as_: Callable[[str], Client], secrets: dict[str, Secret]
) -> None:
    for name, status in (("bob", 403), ("vera", 403), ("charlie", 404), ("olga", 404)):
        client = as_(name)
        age(client, 3600)
        assert reveal(client, secrets["main"]).status_code == status


def test_another_secret_does_not_help(mia: Client, secrets: dict[str, Secret]) -> None:
    reveal(mia, secrets["dev"])
    assert reveal(mia, secrets["main"]).status_code == 302


def test_it_can_be_turned_off(settings: Any, mia: Client, secrets: dict[str, Secret]) -> None:
    settings.REAUTHENTICATE *= 0
    assert "the value" in reveal(mia, secrets["main"]).text
    assert mia.get("/accounts/second-factor/app/add/").status_code == 302


def test_a_session_from_before_there_was_any_of_this(
    mia: Client, secrets: dict[str, Secret]
) -> None:
    session = mia.session
    del session["confirmed_at"]
    session.save()
    assert reveal(mia, secrets["main"]).status_code == 302
