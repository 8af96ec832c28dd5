"""Bulk edit as each role, and with branches that are unknown, deleted or of another app."""

from typing import Any

import pytest
from django.test import Client

from console.models import Branch
from tests.envvars_app.variables.pages import (
    BASE,
    apply_bulk,
    lines,
    post_bulk,
    preview_bulk,
)
from tests.factories import (
    set_variable,
    variable_audit_rows,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "on_dev", "on_all"),
    [("bob", 302, 422), ("mia", 302, 302), ("alice", 302, 302)],
)
def test_it_works(world: World, client_for: Any, name: str, on_dev: int, on_all: int) -> None:
    client = client_for(name)
    assert client.get(f"{BASE}bulk/").status_code == 200
    assert apply_bulk(client, "A=1", world.dev).status_code == on_dev
    assert apply_bulk(client, "A=1").status_code == on_all
    outcomes = {(entry[2], entry[6]) for entry in variable_audit_rows()}
    word = {302: "succeeded", 422: "denied"}
    assert outcomes == {("dev", word[on_dev]), ("All branches", word[on_all])}


@pytest.mark.parametrize("scope", ["nonsense", "0", "-1", "²", "9" * 30])
def test_an_unknown_branch(alice: Client, scope: str) -> None:
    assert alice.get(f"{BASE}bulk/?scope={scope}").status_code == 404
    data = {"action": "preview", "text": "A=1", "scope": scope}
    assert alice.post(f"{BASE}bulk/", data).status_code == 404


def test_a_branch_of_another_app(world: World, alice: Client) -> None:
    other = world.other_branch
    assert alice.get(f"{BASE}bulk/?scope={other.pk}").status_code == 404
    assert post_bulk(alice, "preview", "A=1", other).status_code == 404


def test_a_deleted_branch_accepts_no_new_variables(world: World, alice: Client) -> None:
    old = Branch.objects.create(app=world.app, name="old")
    set_variable(world, "A", "1", old)
    Branch.objects.filter(pk=old.pk).update(deleted_at="2026-01-01T00:00Z")
    page = preview_bulk(alice, "A=2\nB=2", old)
    assert lines(page) == [("Refused", "B", "old"), ("Changed", "A", "old")]


@pytest.mark.parametrize("action", ["preview", "apply", "edit"])
@pytest.mark.parametrize("text", ["A=1", "no variable", "x" * 960_000])
def test_viewers_are_refused_before_their_text_is_parsed(
    client_for: Any, action: str, text: str
) -> None:
    vera = client_for("vera")
    assert "Your role is read-only here" in vera.get(f"{BASE}bulk/").text
    page = post_bulk(vera, action, text)
    assert page.status_code == 403
    assert "Your role in this app (viewer) does not allow changes." in page.text
    assert [row[6] for row in variable_audit_rows()] == ["denied"]


@pytest.mark.parametrize("name", ["charlie", "oscar", "olga"])
def test_outsiders(client_for: Any, name: str) -> None:
    client = client_for(name)
    assert client.get(f"{BASE}bulk/").status_code == 404
    assert client.post(f"{BASE}bulk/", {"text": "A=1"}).status_code == 404
