"""A change set takes rows for a day. After that, the same form begins another one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from console.access.policy import find_app
from console.audit.change_sets import CHANGES
from console.models import AuditEvent
from console.web.change_sets import change_set_of, change_set_token
from tests.factories import set_secret
from tests.fixtures.people import World

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FRAGMENT = {"HX-Request": "true"}
each_form = pytest.mark.parametrize("form", ["secrets_manage", "variables_manage"])


@pytest.fixture
def alice(world: World, clock: Any, client_for: Callable[[str], Client]) -> Client:
    return client_for("alice")


def opened(client: Client, form: str) -> tuple[str, dict[str, str]]:
    """Return a form's URL and its change set."""
    url = reverse(form, args=["d1shop"])
    return url, {"change_set": client.get(url).context["change_set"]}


def row(number: int) -> dict[str, str]:
    name = f"new-{number}"
    return {f"{name}-key": f"KEY_{number}", f"{name}-value": "x", f"{name}-branch": ""}


def saved(world: World) -> dict[UUID | None, list[str]]:
    """Return the keys that each change set wrote."""
    found: dict[UUID | None, list[str]] = {}
    for event in AuditEvent.objects.filter(action__in=CHANGES).order_by("pk"):
        found.setdefault(event.change_set, []).append(event.subject)
    return found


def sign_in(client: Client, world: World) -> None:
    """Begin a session: one that was left alone has ended."""
    client.force_login(world.person("alice"))


@each_form
def test_it_works(world: World, alice: Client, clock: Any, form: str) -> None:
    url, token = opened(alice, form)
    for number, pause in enumerate([timedelta(0), 23 * HOUR, 2 * HOUR, timedelta(0)], 1):
        clock.shift(pause)
        sign_in(alice, world)
        response = alice.post(url, token | row(number), headers=FRAGMENT)
        assert 'data-outcome="saved"' in response.text
    assert [*saved(world).values()] == [["KEY_1", "KEY_2"], ["KEY_3", "KEY_4"]]


@each_form
def test_a_form_that_was_open_for_days(world: World, alice: Client, clock: Any, form: str) -> None:
    """The day begins with the first row, so nothing is split that belongs together."""
    url, token = opened(alice, form)
    clock.shift(3 * DAY)
    sign_in(alice, world)
    for number in (1, 2):
        alice.post(url, token | row(number), headers=FRAGMENT)
    assert [*saved(world).values()] == [["KEY_1", "KEY_2"]]


def test_undo_of_what_was_saved_last(world: World, alice: Client, clock: Any) -> None:
    """The message after a save offers to undo that save, and not the one of days before."""
    url, token = opened(alice, "secrets_manage")
    alice.post(url, token | row(1), headers=FRAGMENT)
    clock.shift(2 * DAY)
    sign_in(alice, world)
    page = alice.get(alice.post(url, token | row(2)).url)
    assert page.context["saved"] == "1 secret saved."
    _, last = saved(world)
    assert page.context["undo"] == reverse("change_set", args=["d1shop", last])


def test_others_cannot_foresee_it(world: World, alice: Client, clock: Any) -> None:
    """What follows a change set is still one of this person, app and purpose."""
    access = find_app(world.actor("alice"), "d1shop")
    token = change_set_token(access, "both")
    first = change_set_of(token, access, "both")
    AuditEvent.objects.create(action="secret.create", actor="alice", change_set=first)
    clock.shift(DAY)
    later = change_set_of(token, access, "both")
    assert later not in {first, None}
    assert change_set_of(token, access, "both") == later
    clock.shift(DAY)
    assert change_set_of(token, access, "both") not in {first, later, None}
    mia = find_app(world.actor("mia"), "d1shop")
    assert change_set_of(token, mia, "both") is None


def test_the_clock_was_set_back(world: World, alice: Client, clock: Any) -> None:
    access = find_app(world.actor("alice"), "d1shop")
    token = change_set_token(access)
    first = change_set_of(token, access)
    AuditEvent.objects.create(action="secret.create", actor="alice", change_set=first)
    clock.shift(-3 * DAY)
    assert change_set_of(token, access) == first


def test_restore_and_undo(world: World, alice: Client, clock: Any) -> None:
    """Posts with an old id write under a new one, whatever the form."""
    secret = set_secret(world, "KEY")
    set_secret(world, "KEY", "second")
    versions = reverse("secret_versions", args=["d1shop", secret.pk])
    token = alice.get(versions).context["change_set"]
    url = reverse("secret_restore", args=["d1shop", secret.pk])
    alice.post(url, {"change_set": token, "base": "2", "version": "1"})
    restored = AuditEvent.objects.filter(action="secret.restore_version").latest("pk").change_set
    clock.shift(DAY)
    sign_in(alice, world)
    alice.post(url, {"change_set": token, "base": "3", "version": "1"})
    again = AuditEvent.objects.filter(action="secret.restore_version").latest("pk").change_set
    assert again not in {restored, None}


def test_an_import_that_takes_long(world: World, alice: Client, clock: Any) -> None:
    """Its parts arrive one by one, for hours if the store is that slow."""
    url = reverse("import", args=["d1shop"])
    text = "\n".join(f"KEY_{number}=x" for number in range(30))
    page = alice.post(url, {"action": "preview", "text": text, "scope": [""]})
    rows = [f"secret all 0 KEY_{number}" for number in range(30)]
    for start in (0, 10, 20):
        clock.shift(2 * HOUR)
        sign_in(alice, world)
        fields = {"change_set": page.context["change_set"], "row": rows[start : start + 10]}
        form = {"action": "save", "text": text, "scope": [""]}
        response = alice.post(url, form | fields, headers=FRAGMENT)
        assert response.text.count('data-outcome="saved"') == 10
    assert [len(keys) for keys in saved(world).values()] == [30]
    assert page.context["done"] == reverse("change_set", args=["d1shop", *saved(world)])


def test_query_count(world: World) -> None:
    access = find_app(world.actor("alice"), "d1shop")
    token = change_set_token(access)
    with CaptureQueriesContext(connection) as queries:
        change_set_of(token, access)
        change_set_of("not signed", access)
    assert len(queries) == 1
