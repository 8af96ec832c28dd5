"""How suspended people prove who they are: by what the change did not touch."""

from django.test import Client

from console.members import suspension
from console.models import Suspension
from tests.console.auth.conftest import post
from tests.console.auth.test_second_factor import CODE, code_of, set_up
from tests.console.members.test_suspension import CONFIRM, NEW, Browser, make_link
from tests.factories import audit_entries, messages_of
from tests.fixtures.people import PASSWORD, World


def sign_in(world: World) -> Client:
    """Return bob's browser, signed in with the password."""
    world.person("bob")
    browser = Client()
    post(browser, "bob@example.org")
    return browser


def test_it_works(world: World) -> None:
    """The operator, who has the link, doesn't have it."""
    browser = sign_in(world)
    secret = set_up(browser)
    link = make_link(world, "bob")
    Client().post(link, NEW)
    client = Client()
    post(client, "bob@example.org", "another one 1")
    client.post(CODE, {"code": code_of(secret)})
    assert client.get("/apps/d1shop/").status_code == 404  # not before bob says so
    assert "Confirm that I know about it" in client.get("/").text
    client.post(CONFIRM)
    assert client.get("/apps/d1shop/").status_code == 200
    words = "bob@example.org: proved by a second factor"
    assert audit_entries("account.confirm") == [("bob", "account.confirm", words, "succeeded")] * 2


def test_another_proof_does_not_count(world: World) -> None:
    browser = sign_in(world)
    Suspension.objects.create(user=world.person("bob"), reason="r", proof="factor")
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert browser.post(CONFIRM)["Location"] == "/accounts/reauthenticate/code/?next=%2F"
    assert Suspension.objects.exists()


def test_nothing_to_confirm(client_for: Browser, world: World) -> None:
    assert client_for("alice").post(CONFIRM)["Location"] == "/"
    make_link(world, "bob")
    page = client_for("bob").post(CONFIRM, follow=True)
    assert messages_of(page) == ["Ask an owner of each app to confirm you under Members."]
    assert Suspension.objects.exists()


def test_new_password_proves_nothing(client: Client, world: World) -> None:
    client.post(make_link(world), NEW)
    post(client, "alice@example.org", "another one 1")
    assert Suspension.objects.get().proof == "owners"
    client.post("/accounts/reauthenticate/", {"password": "another one 1"})
    client.post(CONFIRM)
    assert client.get("/apps/d1shop/").status_code == 404


def test_reset_of_factors_leaves_no_proof(client: Client, world: World) -> None:
    """Someone who knows the password could have asked the operator."""
    client.post(make_link(world, kind="factors"), {"password": PASSWORD})
    post(client, "alice@example.org")
    assert client.get("/apps/d1shop/").status_code == 404


def test_the_stricter_proof_applies(world: World) -> None:
    alice = world.person("alice")
    for first, second in (("password", "owners"), ("password", "factor"), ("owners", "password")):
        suspension.suspend(alice, reason="r", proof=suspension.Proof(first))
        suspension.suspend(alice, reason="r", proof=suspension.Proof(second))
        assert Suspension.objects.get().proof == "owners"
        Suspension.objects.all().delete()
