"""Notes and labels of keys, which the secrets and variables of a key share."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.catalog import notes
from console.models import AuditEvent, KeyNote
from tests.factories import audit_entries, form_errors, set_secret, set_variable
from tests.fixtures.people import World

ClientFor = Callable[[str], Client]

NOTE = "Live key of the EU account.\nRotate it with the webhook's."


def note_page(world: World, noun: str, pk: int) -> str:
    return reverse(f"{noun}_note", args=[world.app.app_id, pk])


def save(client: Client, page: str, note: str = "", labels: str = "", base: object = 0) -> Any:
    return client.post(page, {"note": note, "labels": labels, "base": base})


def stored(world: World, key: str = "API_KEY") -> tuple[str, list[str]]:
    current = KeyNote.objects.get(app=world.app, key=key, current=True)
    return current.note, current.label_list


def listed(client: Client, page: str, query: str) -> list[str]:
    """Return the keys that a list shows."""
    response = client.get(f"/apps/d1shop/hosting/{page}/{query}")
    return [row.key for row in response.context["listing"].rows]


def test_it_works(world: World, client_for: ClientFor) -> None:
    bob = client_for("bob")
    secret = set_secret(world, "API_KEY", branch=world.main)
    variable = set_variable(world, "API_KEY", "public", world.dev)
    page = note_page(world, "secret", secret.pk)
    response = save(bob, page, NOTE.replace("\n", "\r\n"), "Payments, rotate-quarterly")
    assert response.headers["Location"] == f"/apps/d1shop/hosting/secrets/{secret.pk}/"
    assert stored(world) == (NOTE, ["payments", "rotate-quarterly"])
    assert ("bob", "note.change", "API_KEY", "succeeded") in audit_entries()

    vera = client_for("vera")
    for address in (f"secrets/{secret.pk}/", f"environment-variables/{variable.pk}/"):
        shown = vera.get(f"/apps/d1shop/hosting/{address}").text
        assert "Live key of the EU account." in shown
        assert "?only=label:payments" in shown
    for address in ("secrets/", "environment-variables/"):
        shown = vera.get(f"/apps/d1shop/hosting/{address}").text
        assert "</svg>Note</span>" in shown
        assert "</svg>rotate-quarterly</span>" in shown
    assert "changed the note of the key, version 1" in vera.get(page.replace("note/", "")).text


def test_earlier_texts_are_in_its_history(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page = note_page(world, "secret", secret.pk)
    save(client_for("bob"), page, NOTE, "payments")
    save(client_for("mia"), page, "Moved to the US account.", "", base=1)
    shown = client_for("vera").get(page).text
    assert "Live key of the EU account." in shown
    assert "Moved to the US account." in shown
    assert shown.index("mia@example.org") < shown.index("bob@example.org")
    assert "<form" not in shown.partition("<main")[2]  # a viewer only reads
    details = [event.outcomes.get().detail for event in events("note.change")]
    assert details == ["the note, 1 label added", "the note, 1 label removed"]


def events(action: str) -> Any:
    return AuditEvent.objects.filter(action=action).order_by("pk")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=eu+account", ["API_KEY", "API_KEY"]),
        ("?q=quarterly", ["API_KEY", "API_KEY"]),
        ("?only=label:payments", ["API_KEY", "API_KEY", "OTHER"]),
        ("?only=label:pay", []),
        ("?only=label:payments&q=oth", ["OTHER"]),
        ("?only=label:", ["API_KEY", "API_KEY", "OTHER", "THIRD"]),
        ("?only=nonsense", ["API_KEY", "API_KEY", "OTHER", "THIRD"]),
    ],
)
@pytest.mark.parametrize("page", ["secrets", "environment-variables"])
def test_lists_are_searched_and_filtered(
    world: World, client_for: ClientFor, page: str, query: str, found: list[str]
) -> None:
    for key, branch in (
        ("API_KEY", None),
        ("API_KEY", world.dev),
        ("OTHER", world.dev),
        ("THIRD", world.dev),
    ):
        set_secret(world, key, branch=branch)
        set_variable(world, key, "v", branch)
    alice = world.actor("alice")
    for key, note, labels in (("API_KEY", NOTE, "payments quarterly"), ("OTHER", "", "payments")):
        notes.set_note(actor=alice, app_id="d1shop", key=key, note=note, labels=labels, base=0)
    assert listed(client_for("vera"), page, query) == found


def test_the_filter_stays(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY", branch=world.dev)
    shown = client_for("bob").get("/apps/d1shop/hosting/secrets/?only=label:payments").text
    assert '/manage/?only=label%3Apayments"' in shown
    assert 'form="filter" name="only" value="label:payments"' in shown
    assert "Show all" in shown


def test_someone_else_was_faster(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page = note_page(world, "secret", secret.pk)
    save(client_for("mia"), page, "Theirs")
    response = save(client_for("bob"), page, "Mine")
    [problem] = form_errors(response)["__all__"]
    assert problem.startswith("mia@example.org changed the note")
    assert "Theirs" in response.text
    assert "Mine</textarea>" in response.text
    assert stored(world) == ("Theirs", [])
    assert response.context["base"] == 1
    assert save(client_for("bob"), page, "Mine", base=1).status_code == 302
    assert stored(world) == ("Mine", [])


@pytest.mark.parametrize("base", ["", "7", "-1", "1:1", "99999999999"])
def test_a_base_that_no_page_had(world: World, client_for: ClientFor, base: str) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page = note_page(world, "secret", secret.pk)
    assert save(client_for("bob"), page, "A note", base=base).status_code == 422
    assert not KeyNote.objects.exists()


def test_nothing_changed(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page = note_page(world, "secret", secret.pk)
    save(client_for("bob"), page, NOTE, "payments")
    assert save(client_for("bob"), page, NOTE, "payments", base=1).status_code == 302
    assert KeyNote.objects.count() == 1
    assert len(events("note.change")) == 1


def test_a_viewer(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page = note_page(world, "secret", secret.pk)
    assert save(client_for("vera"), page, "A note").status_code == 403
    assert audit_entries("note.change") == [("vera", "note.change", "", "denied")]
    with pytest.raises(Exception, match="does not allow"):
        notes.set_note(
            actor=world.actor("vera"), app_id="d1shop", key="A", note="x", labels="", base=0
        )
    assert not KeyNote.objects.exists()


def test_what_nobody_can_see_is_left_out(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page = note_page(world, "secret", secret.pk)
    save(client_for("bob"), page, " \u202eEU\u200b account\xa0\x07\x1b[31m \n\n")
    assert stored(world) == ("EU account [31m", [])


@pytest.mark.parametrize(
    ("note", "labels", "field", "message"),
    [
        ("x" * 2001, "", "note", "2,000 characters at most"),
        ("x" * 5001, "", "note", "2,000 characters at most"),
        ("", "pay/ments", "labels", "lowercase letters"),
        ("", "-payments", "labels", "lowercase letters"),
        ("", "l" * 41, "labels", "at most 40 characters"),
        ("", " ".join(f"l{number}" for number in range(11)), "labels", "10 labels at most"),
    ],
)
def test_invalid_input(
    world: World, client_for: ClientFor, note: str, labels: str, field: str, message: str
) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    response = save(client_for("bob"), note_page(world, "secret", secret.pk), note, labels)
    [problem] = form_errors(response)[field]
    assert message in problem
    assert not KeyNote.objects.exists()


@pytest.mark.parametrize(
    ("note", "labels", "words"),
    [
        ("The key is sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "", "a Stripe key"),
        ("see postgres://shop:hunter2@db/shop", "", "a login in a URL"),
        ("token 8f14e45fceea167a5a36dedd4bea2543 of staging", "", "looks random"),
        ("", "8f14e45fceea167a5a36dedd4bea2543", "looks random"),
    ],
)
def test_what_looks_like_a_secret_is_saved_at_the_second_try(
    world: World, client_for: ClientFor, note: str, labels: str, words: str
) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page, bob = note_page(world, "secret", secret.pk), client_for("bob")
    response = save(bob, page, note, labels)
    [problem] = form_errors(response)["note"]
    assert words in problem
    assert not KeyNote.objects.exists()
    assert not events("note.change").exists()
    assert 'name="sure"' in response.text
    fields = {"note": note, "labels": labels, "base": 0, "sure": "on"}
    assert bob.post(page, fields).status_code == 302
    assert stored(world)[0] == note


def test_a_note_is_text(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page = note_page(world, "secret", secret.pk)
    bob = client_for("bob")
    save(bob, page, "<img src=x onerror=alert(1)>\"' {{ 7*7 }}")
    for address in ("", f"{secret.pk}/", f"{secret.pk}/note/"):
        shown = bob.get(f"/apps/d1shop/hosting/secrets/{address}").text
        assert "<img src=x" not in shown
        assert "&lt;img src=x" in shown


def test_erasing_earlier_notes(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", branch=world.dev)
    page = note_page(world, "secret", secret.pk)
    bob = client_for("bob")
    save(bob, page, "The old password is hunter2")
    save(bob, page, "Without it", base=1)
    assert bob.post(page, {"erase": "on"}).status_code == 302
    assert [row.note for row in KeyNote.objects.all()] == ["Without it"]
    assert audit_entries("note.erase") == [("bob", "note.erase", "API_KEY", "succeeded")]
    assert "hunter2" not in bob.get(page).text
    assert save(bob, page, "Again", base=2).status_code == 302  # its versions go on
    assert save(bob, page, "Stale", base=1).status_code == 422


def test_another_app_has_its_own(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY", branch=world.dev)
    notes.set_note(
        actor=world.actor("oscar"), app_id="d2other", key="API_KEY", note=NOTE, labels="x", base=0
    )
    page = client_for("bob").get("/apps/d1shop/hosting/secrets/")
    assert [row.note for row in page.context["listing"].rows] == [None]
    assert listed(client_for("bob"), "secrets", "?q=eu+account") == []
