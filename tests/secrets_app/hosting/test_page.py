"""The page of an app's values of self-managed hosting."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from secrets_app.hosting import values
from tests.factories import audit_events
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

PAGE = "/apps/d1shop/hosting/self-managed/"
LOADED = f"{PAGE}?load=1"
FRAGMENT = {"HX-Request": "true"}
SECRETS = "amplify/hosting/web-shop/secrets"
ClientFor = Callable[[str], Client]


def add(client: Client, kind: str, key: str, value: str, stage: str = "") -> Any:
    """Add a value as the form does."""
    fields = {"kind": kind, "stage": stage, "key": key, "value": value, "expected": ""}
    return client.post(PAGE, fields, headers=FRAGMENT)


def version(client: Client, key: str, kind: str = "secret") -> str:
    """Return the version that the rows show of a key."""
    page = client.get(PAGE, {"kind": kind}, headers=FRAGMENT)
    return next(row.version for it in page.context["groups"] for row in it.rows if row.key == key)


def test_it_works(hosted: World, client_for: ClientFor, faulty: Faulty, plain_secrets: Any) -> None:
    alice = client_for("alice")
    assert "Self-managed hosting" in alice.get("/apps/d1shop/").text  # in the navigation
    page = alice.get(PAGE)
    assert page.text.count('hx-trigger="load"') >= 2
    assert faulty.operations() == []
    answer = add(alice, "config", "DOMAIN", "example.org")
    assert ("Saved DOMAIN (shared)." in answer.text, "example.org" in answer.text) == (True, True)
    add(alice, "secret", "STRIPE_KEY", "one\r\ntwo")
    add(alice, "secret", "STRIPE_KEY", "a canary", "prod")
    add(alice, "secret", "TOKEN", "shared")
    held = plain_secrets.get_secret_value(SecretId=f"{SECRETS}/STRIPE_KEY")
    assert held["SecretString"] == "one\ntwo"
    rows = alice.get(PAGE, {"kind": "secret"}, headers=FRAGMENT)
    shared, prod = rows.context["groups"]
    assert [row.key for row in shared.rows] == ["STRIPE_KEY", "TOKEN"]
    assert [(row.key, row.overrides) for row in prod.rows] == [("STRIPE_KEY", True)]
    assert prod.shared == ["TOKEN"]
    assert "a canary" not in rows.text
    place = {"place": "secret/prod/STRIPE_KEY"}
    revealed = alice.post(f"{PAGE}reveal/", place, headers=FRAGMENT)
    assert "a canary" in revealed.text
    assert revealed["Cache-Control"] == "no-store"
    removed = alice.post(
        f"{PAGE}remove/", place | {"expected": prod.rows[0].version}, headers=FRAGMENT
    )
    assert "Scheduled for deletion" in removed.text
    assert "Undo" in removed.text
    restored = alice.post(f"{PAGE}restore/", place, headers=FRAGMENT)
    assert "Restored STRIPE_KEY (stage prod)." in restored.text


def test_without_the_script(hosted: World, client_for: ClientFor) -> None:
    alice = client_for("alice")
    fields = {"kind": "config", "stage": "", "key": "DOMAIN", "value": "one", "expected": ""}
    assert alice.post(PAGE, fields).url == LOADED
    page = alice.get(PAGE, {"load": "1"})
    assert "Saved DOMAIN (shared)." in page.text
    assert '<code class="value">one</code>' in page.text
    again = alice.post(PAGE, fields | {"value": "canary"})
    assert again.status_code == 422
    assert "already exists" in again.text
    assert "canary" not in again.text
    place = {"place": "secret//KEY"}
    alice.post(PAGE, fields | {"kind": "secret", "key": "KEY", "value": "hidden"})
    assert "hidden" in alice.post(f"{PAGE}reveal/", place).text
    assert alice.post(f"{PAGE}remove/", place | {"expected": version(alice, "KEY")}).url == LOADED
    assert alice.post(f"{PAGE}restore/", place).url == LOADED
    assert alice.post(f"{PAGE}restore/", {"place": "config//DOMAIN"}).status_code == 422


def test_conflict(hosted: World, client_for: ClientFor) -> None:
    alice = client_for("alice")
    add(alice, "secret", "KEY", "first")
    base = version(alice, "KEY")
    change = {"place": "secret//KEY", "value": "second", "expected": base}
    assert client_for("mia").post(PAGE, change, headers=FRAGMENT).status_code == 200
    refused = alice.post(PAGE, change | {"value": "canary"}, headers=FRAGMENT)
    assert refused.status_code == 422
    assert "has changed since you opened it" in refused.text
    gone = alice.post(f"{PAGE}remove/", change, headers=FRAGMENT)
    assert gone.status_code == 422


def test_late_listing(hosted: World, client_for: ClientFor, faulty: Faulty) -> None:
    """AWS lists a change up to five minutes later, so what was written lately is asked by name."""
    alice = client_for("alice")
    add(alice, "secret", "OLD", "one")
    late = b'{"SecretList": []}'
    faulty.always(Fault.answer(late), on="ListSecrets")
    faulty.requests.clear()
    assert "NEW" in add(alice, "secret", "NEW", "one", "prod").text
    assert faulty.operations().count("DescribeSecret") == 3  # before the write, and both
    assert version(alice, "OLD")


def test_limit_of_lookups_by_name(
    hosted: World, client_for: ClientFor, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last ones that were written. Refused attempts cost no call."""
    monkeypatch.setattr(values, "ASKED", 2)
    alice, bob = client_for("alice"), client_for("bob")
    for key in ("A", "B", "C"):
        assert add(alice, "secret", key, "value").status_code == 200
    for number in range(3):
        assert add(bob, "secret", f"DENIED_{number}", "value").status_code == 403
    faulty.requests.clear()
    assert version(alice, "A")
    asked = [it.parameters["SecretId"] for it in faulty.requests if "SecretId" in it.parameters]
    assert sorted(asked) == [f"{SECRETS}/B", f"{SECRETS}/C"]


def test_problems(hosted: World, client_for: ClientFor, faulty: Faulty) -> None:
    alice = client_for("alice")
    faulty.always(Fault.ACCESS_DENIED, on="ListSecrets")
    rows = alice.get(PAGE, {"kind": "secret"}, headers=FRAGMENT)
    assert (rows.status_code, "denied access" in rows.text) == (200, True)
    assert alice.get(PAGE, {"kind": "config"}, headers=FRAGMENT).status_code == 200
    assert alice.get(PAGE, {"kind": "other"}, headers=FRAGMENT).status_code == 404
    assert alice.post(f"{PAGE}reveal/", {"place": "secret"}).status_code == 422
    faulty.always(Fault.ACCESS_DENIED, on="CreateSecret")
    answer = add(alice, "secret", "KEY", "value")
    assert (answer.status_code, "AWS Secrets Manager denied" in answer.text) == (503, True)


def test_members(hosted: World, client_for: ClientFor) -> None:
    add(client_for("alice"), "config", "DOMAIN", "example.org")
    add(client_for("alice"), "secret", "KEY", "value")
    vera = client_for("vera")
    page = vera.get(PAGE, {"load": "1"})
    assert "example.org" in page.text
    assert {"eye", "hosting-add", "hosting-edit"}.isdisjoint(page.text.split('"'))
    last = audit_events()[-1].pk
    for url, fields in (("reveal/", {}), ("remove/", {"expected": "1"}), ("restore/", {})):
        assert vera.post(PAGE + url, fields | {"place": "secret//KEY"}).status_code == 403
    assert add(vera, "secret", "KEY", "value").status_code == 403
    outcomes = [event.outcomes.get().outcome for event in audit_events(last)]
    assert outcomes == ["denied"] * 4


@pytest.mark.parametrize("project", ["", "web-shop"])
def test_nothing_to_use(world: World, client_for: ClientFor, project: str) -> None:
    """Without a project, or with the embedded store, the page says what to do."""
    world.app.hosting_project = project
    world.app.save()
    alice = client_for("alice")
    page = alice.get(PAGE, {"load": "1"})
    says = "set PARAMETER_STORE to ssm" if project else "An operator who owns the app can set one"
    assert says in page.text
    assert (f'href="{PAGE}"' in alice.get("/apps/d1shop/activity/").text) == bool(project)
    assert add(alice, "secret", "KEY", "value").status_code == (503 if project else 422)


def test_queries(hosted: World, client_for: ClientFor, django_assert_num_queries: Any) -> None:
    alice = client_for("alice")
    for number in range(3):
        add(alice, "config", f"KEY_{number}", "value", f"stage{number}")
    with django_assert_num_queries(5) as queries:
        alice.get(PAGE, {"kind": "config"}, headers=FRAGMENT)
    assert not any("UPDATE" in it["sql"] for it in queries.captured_queries)
