"""Compare two versions without showing them, with a reveal's rights, and recorded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.urls import reverse

from console.access.acts import ConfirmationRequired
from console.members import exposure
from console.models import Branch
from secrets_app.history.comparing import Comparison, Shape, compare
from secrets_app.models import Secret
from secrets_app.reveal import reveal
from secrets_app.store.errors import NotFound, Rejected, StoreError
from tests.factories import audit_rows, set_secret
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls, deny_access

KEY = "API_KEY"


def written(world: World, branch: Branch, *values: str) -> Secret:
    for value in values:
        row = set_secret(world, KEY, value, branch)
    return row


def compared(world: World, row: Secret, *versions: int, by: str = "mia") -> Comparison:
    return compare(actor=world.actor(by), app_id=world.app.app_id, pk=row.pk, versions={*versions})


def test_it_works(either_store: str, world: World, store_calls: StoreCalls) -> None:
    row = written(world, world.main, "one", "größer\n2\n", "one")
    store_calls.clear()
    assert compared(world, row, 2, 1) == Comparison(
        Shape(1, 3, 1, False), Shape(2, 11, 2, True), is_same=False
    )
    assert store_calls.operations == ["read_version", "read_version"]
    assert audit_rows(world)[-2:] == [
        ("mia", "secret.compare", KEY, 1, "succeeded", 1),
        ("mia", "secret.compare", KEY, 2, "succeeded", 2),
    ]
    assert compared(world, row, 1, 3).is_same


def test_it_counts_as_exposure(world: World) -> None:
    row = written(world, world.dev, "one", "two")
    compared(world, row, 1, 2, by="bob")
    [known] = exposure.exposed_secrets(world.person("bob").pk)
    assert (known.key, known.revealed_at is None) == (KEY, False)


@pytest.mark.parametrize(
    ("person", "error"),
    [("vera", PermissionDenied), ("bob", PermissionDenied), ("charlie", Http404)],
)
def test_no_permission(
    world: World, store_calls: StoreCalls, person: str, error: type[Exception]
) -> None:
    row = written(world, world.main, "one", "two")
    store_calls.clear()
    with pytest.raises(error):
        compared(world, row, 1, 2, by=person)
    assert store_calls() == 0
    if person != "charlie":
        assert audit_rows(world)[-1][:2] == (person, "secret.compare")
        assert audit_rows(world)[-1].outcome == "denied"


@pytest.mark.parametrize("versions", [(), (1,), (1, 2, 3)])
def test_not_two_versions(world: World, store_calls: StoreCalls, versions: tuple[int, ...]) -> None:
    row = written(world, world.main, "one", "two", "three")
    store_calls.clear()
    with pytest.raises(Rejected, match="exactly two"):
        compared(world, row, *versions)
    assert store_calls() == 0


def test_a_version_is_gone(world: World) -> None:
    row = written(world, world.main, "one", "two")
    with pytest.raises(NotFound):
        compared(world, row, 1, 9)
    assert [entry.outcome for entry in audit_rows(world)[-2:]] == ["failed", "failed"]


def test_the_store_fails(world: World, interrupted: InterruptedStore) -> None:
    row = written(world, world.main, "one", "two")
    interrupted.before("read_version", deny_access)
    with pytest.raises(StoreError):
        compared(world, row, 1, 2)
    assert [entry.outcome for entry in audit_rows(world)[-2:]] == ["failed", "failed"]


# On the page


def test_page(world: World, client_for: Callable[[str], Client]) -> None:
    row = written(world, world.main, "the first value", "the second value")
    page = client_for("mia").post(
        reverse("secret_compare", args=["d1shop", row.pk]), {"version": ["2", "1"]}
    )
    text = " ".join(page.text.split())
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    assert "*** <strong>different</strong>" in text
    assert "<td>15 bytes</td> <td>16 bytes</td>" in text
    assert "the first value" not in text
    assert "the second value" not in text


def test_older_versions_are_folded(world: World, client_for: Callable[[str], Client]) -> None:
    row = written(world, world.main, *(f"value {number}" for number in range(12)))
    url = reverse("secret_compare", args=["d1shop", row.pk])
    for chosen, is_open in ((["11", "12"], False), (["2", "12"], True)):
        page = client_for("mia").post(url, {"version": chosen})
        assert "Show 2 older versions" in page.text
        assert ('class="older-versions" open' in page.text) is is_open


def test_key_that_encrypts(
    console_on_ssm: Any, world: World, client_for: Callable[[str], Client]
) -> None:
    row = written(world, world.main, "one", "two")
    url = reverse("secret_compare", args=["d1shop", row.pk])
    page = client_for("mia").post(url, {"version": ["1", "2"]})
    assert "Encrypted with" in page.text
    assert page.text.count("<td>alias/aws/ssm</td>") == 2


@pytest.mark.parametrize(
    "versions", [[], ["1"], ["1", "1"], ["x", "1", "2"], ["1", "99"], ["1", "x"]]
)
def test_refused_on_the_page(
    world: World, client_for: Callable[[str], Client], versions: list[str]
) -> None:
    row = written(world, world.main, "one", "two")
    url = reverse("secret_compare", args=["d1shop", row.pk])
    page = client_for("mia").post(url, {"version": versions})
    assert page.status_code == 422
    assert 'role="alert"' in page.text


def test_reveal_of_one_version(
    either_store: str, world: World, client_for: Callable[[str], Client]
) -> None:
    row = written(world, world.main, "the first value", "the second value")
    url = reverse("secret_reveal", args=["d1shop", row.pk])
    page = client_for("mia").post(url, {"version": "1"})
    assert page["Cache-Control"] == "no-store"
    assert "Value of version 1" in page.text
    assert "the first value" in page.text
    assert "the second value" not in page.text
    assert audit_rows(world)[-1] == ("mia", "secret.reveal", KEY, 1, "succeeded", 1)


@pytest.mark.parametrize("version", ["0", "9", "x", "", "-1", "999999999"])
def test_reveal_of_a_version_that_is_not_kept(
    either_store: str, world: World, client_for: Callable[[str], Client], version: str
) -> None:
    row = written(world, world.main, "one", "two")
    url = reverse("secret_reveal", args=["d1shop", row.pk])
    page = client_for("mia").post(url, {"version": version})
    assert page.status_code == 404
    assert "no longer keeps this version" in page.text


def test_recent_reauthentication(world: World) -> None:
    row = written(world, world.main, "one", "two")
    actor = replace(world.actor("mia"), kind="web", confirmed_at=0)
    with pytest.raises(ConfirmationRequired):
        compare(actor=actor, app_id="d1shop", pk=row.pk, versions={1, 2})
    with pytest.raises(ConfirmationRequired):
        reveal(actor=actor, app_id="d1shop", pk=row.pk, version=1)
    assert not [it for it in audit_rows(world) if it.action in {"secret.compare", "secret.reveal"}]
