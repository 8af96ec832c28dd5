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
from tests.factories import audit_events, last_event_id, only_event, summarize
from tests.fixtures.people import PASSWORD, World

pytestmark = pytest.mark.both_databases

STATE = (App, Branch, Member, Secret, EmbeddedParameter, EmbeddedVersion)

# The event must really be committed, so that the failing outcome rolls back nothing else
commits = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(client_for: Callable[[str], Client], secret: Secret) -> Client:
    """Return the owner's browser, which gets error pages instead of exceptions."""
    client = client_for("alice")
    client.raise_request_exception = False
    return client


def state() -> list[object]:
    """Return every row that an act could change."""
    return [list(model.objects.order_by("pk").values()) for model in STATE]


def store_operations(log: list[Any]) -> list[str]:
    """Return the logged operations of the store."""
    return [entry["operation"] for entry in log if entry["event"] == "store.call"]


def test_it_works(alice: Client, secret: Secret, fail_inserts: Any) -> None:
    start = last_event_id()
    fail_inserts(AuditEvent)
    with capture_logs() as log:
        response = alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert response.status_code == 500
    assert "the value of a secret" not in response.text
    assert store_operations(log) == []
    assert audit_events(start) == []


SAVES: dict[str, Callable[[Secret], dict[str, object]]] = {
    "add": lambda it: {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": it.branch_id},
    "change": lambda it: {f"value-{it.pk}": "second", f"base-{it.pk}": it.version},
    "remove": lambda it: {f"remove-{it.pk}": "on", f"base-{it.pk}": it.version},
}


@pytest.mark.parametrize("what", SAVES)
def test_save(alice: Client, secret: Secret, fail_inserts: Any, what: str) -> None:
    fail_inserts(AuditEvent)
    before = state()
    with capture_logs() as log:
        response = alice.post("/apps/d1shop/hosting/secrets/manage/", SAVES[what](secret))
    assert response.status_code == 422  # each row has its own outcome
    assert "database did not answer. Nothing was saved." in response.text
    assert not {"put", "remove", "read"} & set(store_operations(log))
    assert state() == before


def test_mirror_repair(alice: Client, secret: Secret, fail_inserts: Any) -> None:
    fail_inserts(AuditEvent)
    before = state()
    with capture_logs() as log:
        response = alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/mirror/", {"shown": "1:1"})
    assert response.status_code == 500
    assert not {"put", "read"} & set(store_operations(log))
    assert state() == before


def test_undo(alice: Client, secret: Secret, fail_inserts: Any) -> None:
    saved = AuditEvent.objects.get(action="secret.create").change_set
    fail_inserts(AuditEvent)
    before = state()
    with capture_logs() as log:
        assert alice.post(f"/apps/d1shop/changes/{saved}/").status_code == 500
    assert store_operations(log) == []
    assert state() == before


CHANGES: dict[str, dict[str, object]] = {
    "settings/general/": {"name": "Renamed", "path_profile": "both"},
    "settings/branches/add/": {"name": "new", "stage": "NONE"},
    "settings/branches/{dev}/": {"stage": "BETA"},
    "settings/branches/{dev}/delete/": {},
}


@pytest.mark.parametrize("page", CHANGES)
def test_change_of_the_app(alice: Client, world: World, fail_inserts: Any, page: str) -> None:
    fail_inserts(AuditEvent)
    before = state()
    url = f"/apps/d1shop/{page.format(dev=world.dev.pk)}"
    assert alice.post(url, CHANGES[page]).status_code == 500
    assert state() == before


def test_denial_that_cannot_be_recorded(client_for: Any, secret: Secret, fail_inserts: Any) -> None:
    vera = client_for("vera")
    vera.raise_request_exception = False
    fail_inserts(AuditEvent)
    response = vera.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert response.status_code in {403, 500}
    assert "the value of a secret" not in response.text


def test_sign_in(world: World, fail_inserts: Any) -> None:
    world.person("bob")
    fail_inserts(AuditEvent)
    client = Client(raise_request_exception=False)
    post = {"login": "bob@example.org", "password": PASSWORD}
    assert client.post("/accounts/login/", post).status_code == 500
    assert client.get("/").status_code == 302  # not signed in


def test_first_operator(db: None, fail_inserts: Any) -> None:
    fail_inserts(AuditEvent)
    nobody = Actor(kind="web", label="nobody")
    with pytest.raises(DatabaseError):
        bootstrap.create_first_operator(actor=nobody, email="o@example.org", password=PASSWORD)
    assert not User.objects.exists()


@commits
def test_outcome_cannot_be_written(alice: Client, secret: Secret, fail_inserts: Any) -> None:
    start = last_event_id()
    fail_inserts(AuditOutcome)
    response = alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert response.status_code == 500
    assert "the value of a secret" not in response.text  # the value is withheld
    assert summarize(audit_events(start)) == [("alice@example.org", "secret.reveal", "API_KEY", [])]


@commits
def test_write_whose_outcome_cannot_be_written(
    alice: Client, secret: Secret, fail_inserts: Any
) -> None:
    start = last_event_id()
    fail_inserts(AuditOutcome)
    post = SAVES["change"](secret)
    response = alice.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert response.status_code == 422
    assert "unknown whether this was saved" in response.text
    row = Secret.objects.get(pk=secret.pk)
    assert (row.version, row.claim_id) == (
        1,
        only_event(start).pk,
    )  # in progress, later unknown
