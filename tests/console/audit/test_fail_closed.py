"""While audit events can't be written, nothing is revealed, written or changed (guarantee 7)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from structlog.testing import capture_logs

from console.access.actors import Actor
from console.auth import bootstrap
from console.models import App, AuditEvent, AuditOutcome, Branch, Member, User
from secrets_app.models import EmbeddedParameter, EmbeddedVersion, Secret
from tests.fixtures.people import PASSWORD, World

STATE = (App, Branch, Member, Secret, EmbeddedParameter, EmbeddedVersion)

# The outcome's own failure ends no transaction of a test, for the attempt was committed before
for_good = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(as_: Callable[[str], Client], secret: Secret) -> Client:
    """Return the owner, to whom the console answers for its own faults."""
    client = as_("alice")
    client.raise_request_exception = False
    return client


def state() -> list[object]:
    """Return everything that an act could have changed."""
    return [list(model.objects.order_by("pk").values()) for model in STATE]


def store_operations(log: list[Any]) -> list[str]:
    """Return what the store was asked for."""
    return [entry["operation"] for entry in log if entry["event"] == "store.call"]


def test_it_works(alice: Client, secret: Secret, full: Any, trail: Any) -> None:
    full(AuditEvent)
    with capture_logs() as log:
        answer = alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert answer.status_code == 500
    assert "first" not in answer.text
    assert store_operations(log) == []
    assert trail.events == []


SAVES: dict[str, Callable[[Secret], dict[str, object]]] = {
    "add": lambda it: {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": it.branch_id},
    "change": lambda it: {f"value-{it.pk}": "second", f"base-{it.pk}": it.version},
    "remove": lambda it: {f"remove-{it.pk}": "on", f"base-{it.pk}": it.version},
}


@pytest.mark.parametrize("what", SAVES)
def test_a_save(alice: Client, secret: Secret, full: Any, what: str) -> None:
    full(AuditEvent)
    before = state()
    with capture_logs() as log:
        answer = alice.post("/apps/d1shop/hosting/secrets/manage/", SAVES[what](secret))
    assert answer.status_code == 422  # each row answers for itself
    assert "database did not answer. Nothing was saved." in answer.text
    assert not {"put", "remove", "read"} & set(store_operations(log))
    assert state() == before


def test_the_mirror(alice: Client, secret: Secret, full: Any) -> None:
    full(AuditEvent)
    before = state()
    with capture_logs() as log:
        answer = alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/mirror/", {"shown": "1:1"})
    assert answer.status_code == 500
    assert not {"put", "read"} & set(store_operations(log))
    assert state() == before


CHANGES: dict[str, dict[str, object]] = {
    "settings/general/": {"name": "Renamed", "path_profile": "both"},
    "settings/branches/add/": {"name": "new", "stage": "NONE"},
    "settings/branches/{dev}/": {"stage": "BETA"},
    "settings/branches/{dev}/delete/": {},
}


@pytest.mark.parametrize("page", CHANGES)
def test_a_change_of_the_app(alice: Client, world: World, full: Any, page: str) -> None:
    full(AuditEvent)
    before = state()
    url = f"/apps/d1shop/{page.format(dev=world.dev.pk)}"
    assert alice.post(url, CHANGES[page]).status_code == 500
    assert state() == before


def test_a_refusal_that_cannot_be_recorded(as_: Any, secret: Secret, full: Any) -> None:
    vera = as_("vera")
    vera.raise_request_exception = False
    full(AuditEvent)
    answer = vera.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert answer.status_code in {403, 500}
    assert "first" not in answer.text


def test_signing_in(world: World, full: Any) -> None:
    world.person("bob")
    full(AuditEvent)
    client = Client(raise_request_exception=False)
    post = {"login": "bob@example.org", "password": PASSWORD}
    assert client.post("/accounts/login/", post).status_code == 500
    assert client.get("/").status_code == 302  # not signed in


def test_the_first_operator(db: None, full: Any) -> None:
    full(AuditEvent)
    nobody = Actor(kind="web", label="nobody")
    with pytest.raises(DatabaseError):
        bootstrap.create_first_operator(actor=nobody, email="o@example.org", password=PASSWORD)
    assert not User.objects.exists()


@for_good
def test_the_outcome_cannot_be_written(
    alice: Client, secret: Secret, full: Any, trail: Any
) -> None:
    full(AuditOutcome)
    answer = alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert answer.status_code == 500
    assert "first" not in answer.text  # the value does not leave
    assert trail.brief == [("alice@example.org", "secret.reveal", "API_KEY", [])]


@for_good
def test_a_write_whose_outcome_cannot_be_written_is_settled_later(
    alice: Client, secret: Secret, full: Any, trail: Any
) -> None:
    full(AuditOutcome)
    post = SAVES["change"](secret)
    answer = alice.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert answer.status_code == 422
    assert "unknown whether this was saved" in answer.text
    row = Secret.objects.get(pk=secret.pk)
    assert (row.version, row.claim_id) == (1, trail.one.pk)  # shown as under way, then as unknown
