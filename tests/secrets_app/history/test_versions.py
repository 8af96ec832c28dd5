"""The versions of a secret: which there are, who wrote each, when, and how."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.http import Http404
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from console.models import AuditEvent
from secrets_app.history.versions import Version, list_versions
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import AccessDenied
from tests.factories import (
    audit_rows,
    create_command,
    delete_secret,
    expire_leases,
    reconcile_now,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls, deny_access, lose_response

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient


def versions_of(world: World, row: Secret, by: str = "vera") -> list[Version]:
    """Return the versions as a person sees them."""
    found = list_versions(actor=world.actor(by), app_id=world.app.app_id, pk=row.pk)
    return [*found.rows]


def told(rows: list[Version]) -> list[tuple[int, str, str]]:
    """Return number, who and verb of each."""
    return [(row.number, row.who, row.verb) for row in rows]


def test_it_works(either_store: str, world: World, store_calls: StoreCalls) -> None:
    for person, value in (("alice", "one"), ("mia", "two"), ("alice", "three")):
        row = set_secret(world, "API_KEY", value, world.main, by=person)
    store_calls.clear()
    rows = versions_of(world, row)
    assert told(rows) == [
        (3, "alice@example.org", "changed the value"),
        (2, "mia@example.org", "changed the value"),
        (1, "alice@example.org", "added it"),
    ]
    assert [row.is_current for row in rows] == [True, False, False]
    assert all(row.is_ours and not row.is_drift and row.labels == () for row in rows)
    assert store_calls.operations == ["versions"]


def test_written_outside(world: World) -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    write_outside(secret_paths(world, "API_KEY", world.main)[0])
    first = versions_of(world, row)
    assert told(first)[0] == (2, "", "wrote it outside Branchkeep")
    assert [row.is_drift for row in first] == [True, False]  # found by looking
    assert secret_row(world, "API_KEY", world.main).version == 2


def test_principal_of_another_writer(
    world: World, interrupted: InterruptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    write_outside(secret_paths(world, "API_KEY", world.main)[0])
    arn = "arn:aws:sts::123456789012:assumed-role/ci-deploy/run"
    kept = interrupted.versions(secret_paths(world, "API_KEY", world.main)[0])
    named = [replace(it, parameter=replace(it.parameter, modified_by=arn)) for it in kept]
    monkeypatch.setattr(interrupted, "versions", lambda _: named)
    assert [who for _, who, _ in told(versions_of(world, row))] == [
        "run",
        "alice@example.org",
    ]


def test_labels(console_on_ssm: Any, world: World, plain_ssm: "SSMClient") -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    set_secret(world, "API_KEY", "two", world.main)
    path = secret_paths(world, "API_KEY", world.main)[0]
    plain_ssm.label_parameter_version(Name=path, ParameterVersion=1, Labels=["live"])
    assert [row.labels for row in versions_of(world, row)] == [(), ("live",)]


def test_added_again(world: World, clock: Any) -> None:
    """What someone did to an earlier secret of that name says nothing about this one."""
    set_secret(world, "API_KEY", "one", world.main, by="alice")
    set_secret(world, "API_KEY", "two", world.main, by="alice")
    delete_secret(world, "API_KEY", world.main)
    clock.shift(3600)
    write_outside(secret_paths(world, "API_KEY", world.main)[0])
    write_outside(secret_paths(world, "API_KEY", world.main)[0])
    reconcile_now(world)
    row = secret_row(world, "API_KEY", world.main)
    assert {who for _, who, _ in told(versions_of(world, row))} == {""}


def test_write_that_was_settled(world: World, interrupted: InterruptedStore) -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    interrupted.after("put", lose_response)
    save_secrets(world, set_command(row, "two"), by="mia")
    expire_leases()
    assert told(versions_of(world, row))[0] == (2, "mia@example.org", "changed the value")


def test_removed_outside(world: World) -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main)[:1])
    assert versions_of(world, row) == []
    assert secret_row(world, "API_KEY", world.main).version == 0


def test_outsider(world: World) -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    with pytest.raises(Http404):
        versions_of(world, row, by="charlie")


def test_store_denies_it(world: World, interrupted: InterruptedStore) -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    interrupted.before("versions", deny_access)
    with pytest.raises(AccessDenied):
        versions_of(world, row)


def test_nothing_is_recorded_or_decrypted(world: World, store_calls: StoreCalls) -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    before = len(audit_rows(world))
    versions_of(world, row)
    assert len(audit_rows(world)) == before
    assert not {"read", "read_version"} & {*store_calls.operations}


def test_saved_with_others(world: World, client_for: Callable[[str], Client]) -> None:
    """A version leads to what else the same save wrote."""
    save_secrets(world, *(create_command(key) for key in ("API_KEY", "OTHER", "THIRD")))
    set_secret(world, "API_KEY", "alone")
    row = secret_row(world, "API_KEY")
    assert [version.others for version in versions_of(world, row)] == [0, 2]
    page = client_for("vera").get(reverse("secret_versions", args=["d1shop", row.pk])).text
    saved = AuditEvent.objects.filter(subject="OTHER").get().change_set
    assert f'<a href="/apps/d1shop/changes/{saved}/">with 2 other' in page


def test_query_count_is_constant(
    world: World, client_for: Callable[[str], Client], django_assert_num_queries: Any
) -> None:
    row = set_secret(world, "API_KEY", "one", world.main)
    alice, url = client_for("alice"), reverse("secret_versions", args=["d1shop", row.pk])
    fragment = {"HX-Request": "true"}
    alice.get(url, headers=fragment)
    with CaptureQueriesContext(connection) as one:
        alice.get(url, headers=fragment)
    queries = len(one)  # the next request resets the log
    for number in range(12):
        set_secret(world, "API_KEY", f"{number}", world.main)
    alice.get(url, headers=fragment)
    with django_assert_num_queries(queries):
        page = alice.get(url, headers=fragment)
    assert len(page.context["versions"].rows) == 13


@pytest.mark.parametrize(("number", "kept"), [(89, None), (90, 90), (100, 100), (103, 100)])
def test_many_versions(world: World, number: int, kept: int | None) -> None:
    row = set_secret(world, "API_KEY", "one")
    path = secret_paths(world, "API_KEY")[0]
    for version in range(2, number + 1):
        parameter_store().put(path, SecretValue(f"{version}"), overwrite=True)
    found = list_versions(actor=world.actor("vera"), app_id=world.app.app_id, pk=row.pk)
    assert (found.limit and found.limit.kept) == kept
    assert found.limit is None or found.limit.blocking is None


@pytest.mark.parametrize(
    ("number", "labeled", "saves_left"),
    [
        (90, 1, 10),
        pytest.param(100, 1, 0, marks=pytest.mark.exhaustive),
        pytest.param(95, 3, 7, marks=pytest.mark.exhaustive),
        (100, 12, None),
        (89, 1, None),
    ],
)
def test_label_that_will_block(
    console_on_ssm: Any,
    world: World,
    plain_ssm: "SSMClient",
    number: int,
    labeled: int,
    saves_left: int | None,
) -> None:
    row = set_secret(world, "API_KEY", "one")
    path = secret_paths(world, "API_KEY")[0]
    for version in range(2, number + 1):
        parameter_store().put(path, SecretValue(f"{version}"), overwrite=True)
    plain_ssm.label_parameter_version(Name=path, ParameterVersion=labeled, Labels=["live"])
    limit = list_versions(actor=world.actor("vera"), app_id=world.app.app_id, pk=row.pk).limit
    assert (limit and limit.blocking and limit.saves_left) == saves_left
