"""Import the values that Amplify Gen 1 keeps in the store: choose, preview, save, and undo.

guarantee 41
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from console.catalog import key_types
from console.members import exposure
from console.models import AuditEvent, Member
from secrets_app.pages import gen1
from secrets_app.store import parameter_store
from secrets_app.store.errors import AccessDenied, StoreError, Unreachable, Unreadable
from tests.factories import (
    audit_rows,
    messages_of,
    reconcile_now,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

ROOT = "/amplify/d1shop"
URL = "/apps/d1shop/hosting/secrets/gen1/"
ORPHANS = "/apps/d1shop/hosting/secrets/unknown/"
MAIL, STRIPE = "AMPLIFY_sendMail_API_KEY", "AMPLIFY_shop1234_STRIPE"
ClientFor = Callable[[str], Client]


@pytest.fixture
def alice(client_for: ClientFor) -> Client:
    return client_for("alice")


def write_gen1(world: World, *names: str, environment: str = "gen", value: str = "CANARY") -> None:
    """Write parameters as Gen 1 does; the value of each ends with its name."""
    for name in names:
        write_outside(f"{ROOT}/{environment}/{name}", f"{value} {name}")
    reconcile_now(world)


def show(client: Client, scope: Any = None, environment: str = "gen") -> Any:
    query = {"environment": environment, "scope": scope.pk if scope else ""}
    response = client.get(URL, query)
    assert "CANARY" not in response.text
    return response


def fields_of(page: Any, *chosen: str, **keys: str) -> dict[str, Any]:
    """Return what the page's form posts, with other rows chosen and other keys typed, if given."""
    context = page.context
    rows = context["rows"]
    wanted = chosen or [row["name"] for row in rows if row["is_chosen"]]
    return {
        **{name: context[name] for name in ("change_set", "environment", "scope")},
        "row": [row["text"] for row in rows if row["name"] in wanted],
        **{f"key-{row['name']}": keys.get(row["name"], row["key"]) for row in rows},
    }


def save(client: Client, page: Any, *chosen: str, **keys: str) -> Any:
    response = client.post(URL, {**fields_of(page, *chosen, **keys), "action": "save"})
    assert "CANARY" not in response.text
    return response


def rows_of(page: Any) -> list[tuple[str, str, bool]]:
    return [(row["name"], row["key"], row["is_chosen"]) for row in page.context["rows"]]


def messages_in(page: Any) -> dict[str, str]:
    return {row["name"]: row["message"] or row["problem"] for row in page.context["rows"]}


def values_on(world: World, branch: Any, *keys: str) -> list[str | None]:
    return [stored_values(world, key, branch)[0] for key in keys]


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World, alice: Client, store_calls: StoreCalls) -> None:
    write_gen1(world, MAIL, STRIPE, "AMPLIFY_GOOGLE_CLIENT_ID", "DATABASE_URL")
    store_calls.clear()
    page = show(alice, world.dev)
    assert store_calls() == 0
    assert rows_of(page) == [
        ("AMPLIFY_GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_ID", True),
        (MAIL, "API_KEY", True),
        (STRIPE, "STRIPE", True),
        ("DATABASE_URL", "DATABASE_URL", True),
    ]
    keys = {MAIL: "MAIL_KEY"}
    response = save(alice, page, MAIL, STRIPE, "DATABASE_URL", **keys)
    assert response["Location"] == "/apps/d1shop/hosting/secrets/"
    assert (store_calls("read"), store_calls("current"), store_calls("put")) == (1, 1, 6)
    shown = alice.get(response["Location"])
    assert messages_of(shown) == ["Imported 3 secrets."]
    found = values_on(world, world.dev, "MAIL_KEY", "STRIPE", "DATABASE_URL", "GOOGLE_CLIENT_ID")
    assert found == [f"CANARY {MAIL}", f"CANARY {STRIPE}", "CANARY DATABASE_URL", None]
    reads = [(row.actor, row.key, row.outcome) for row in audit_rows(world, "parameter.read")]
    assert reads == [
        ("alice", f"{ROOT}/gen/{name}", "succeeded") for name in (MAIL, STRIPE, "DATABASE_URL")
    ]
    written = AuditEvent.objects.filter(action="secret.create").order_by("pk")
    assert len({event.change_set for event in written}) == 1
    assert {event.origin for event in written} == {
        *AuditEvent.objects.filter(action="parameter.read").values_list("pk", flat=True)
    }
    undo = next(iter(shown.context["messages"])).extra_tags
    assert messages_of(alice.post(undo, follow=True)) == ["Undid 3 changes."]
    assert values_on(world, world.dev, "MAIL_KEY", "STRIPE") == [None, None]
    path = f"{ROOT}/gen/{MAIL}"  # stays for Gen 1
    assert parameter_store().read([path])[path].value.reveal() == f"CANARY {MAIL}"


@pytest.mark.parametrize(
    ("profile", "environments"),
    [("both", ["dev", "gen"]), ("documented", ["dev", "gen"]), ("backend", ["dev", "gen"])],
)
def test_an_environment_named_like_a_branch(
    world: World, alice: Client, profile: str, environments: Sequence[str]
) -> None:
    """Its folder is the branch's documented path, whatever the profile makes of it."""
    world.app.path_profile = profile
    world.app.save()
    set_secret(world, "OWN", "own", world.dev)
    set_secret(world, "amplify_own", "own", world.dev)
    write_gen1(world, MAIL, environment="dev")
    write_gen1(world, STRIPE, "FREE")
    write_outside(f"{ROOT}/old/ONLY_A_BRANCH")
    reconcile_now(world)
    page = alice.get(URL)
    assert [value for value, _ in page.context["environment_choices"]] == environments
    assert page.context["scope"] == str(world.dev.pk)  # the branch of the same name
    assert [row["name"] for row in page.context["rows"]] == [MAIL]
    assert [row["name"] for row in show(alice).context["rows"]] == [STRIPE, "FREE"]
    assert save(alice, page).status_code == 302
    assert values_on(world, world.dev, "API_KEY") == [f"CANARY {MAIL}"]
    assert [row["name"] for row in alice.get(URL).context["rows"]] == [MAIL]


def test_what_the_scope_has(world: World, alice: Client) -> None:
    """What exists or is inherited stays unless it is chosen; a typed key overwrites nothing."""
    write_gen1(world, MAIL, STRIPE, "AMPLIFY_a_ONE", "AMPLIFY_a_hostedUIProviderCreds")
    set_secret(world, "API_KEY", "of dev", world.dev)
    set_secret(world, "STRIPE", "of all")
    page = show(alice, world.dev)
    chosen = {name: is_chosen for name, _, is_chosen in rows_of(page)}
    assert chosen == {
        **dict.fromkeys([MAIL, STRIPE, "AMPLIFY_a_hostedUIProviderCreds"], False),
        "AMPLIFY_a_ONE": True,
    }
    for text in ("Replaces a value", "Overrides", "credentials of all sign-in providers"):
        assert text in page.text
    failed = save(alice, page, "AMPLIFY_a_ONE", AMPLIFY_a_ONE="API_KEY")
    assert failed.status_code == 422
    assert "alice@example.org" in messages_in(failed)["AMPLIFY_a_ONE"]
    assert values_on(world, world.dev, "API_KEY") == ["of dev"]
    assert save(alice, failed, "AMPLIFY_a_ONE", MAIL).status_code == 422  # the same key
    assert values_on(world, world.dev, "API_KEY") == ["of dev"]
    assert save(alice, failed, MAIL, AMPLIFY_a_ONE="ONE").status_code == 302
    assert values_on(world, world.dev, "API_KEY") == [f"CANARY {MAIL}"]


def test_keys_are_checked_before_anything_is_read(
    world: World, alice: Client, store_calls: StoreCalls
) -> None:
    write_gen1(world, MAIL, STRIPE, "AMPLIFY_a_ONE", "AMPLIFY_a_TWO")
    typed = {MAIL: "a b", STRIPE: "a\0b", "AMPLIFY_a_ONE": "SAME", "AMPLIFY_a_TWO": "SAME"}
    page = show(alice, world.dev)
    store_calls.clear()
    for action in ("preview", "save"):
        response = alice.post(URL, {**fields_of(page, *typed, **typed), "action": action})
        problems = messages_in(response)
        assert all(problems.values()), (action, problems)
        assert problems["AMPLIFY_a_ONE"].startswith("Another row has the same key.")
        assert [row["key"] for row in response.context["rows"] if row["name"] == MAIL] == ["a b"]
        assert not any(row["is_chosen"] for row in response.context["rows"])
    assert store_calls("read") == 0
    left = alice.post(URL, {**fields_of(page, "AMPLIFY_a_ONE", **typed), "action": "preview"})
    assert messages_in(left)["AMPLIFY_a_ONE"] == ""  # the other one isn't chosen
    nothing = alice.post(URL, {**fields_of(page), "row": [], "action": "save"})
    assert (nothing.status_code, "Choose at least one" in nothing.text) == (422, True)


def test_changed_or_gone_since_the_preview(
    world: World, alice: Client, store_calls: StoreCalls
) -> None:
    """Each row reports for itself. The store tells, and so does a reconcile in between."""
    write_gen1(world, MAIL, STRIPE, "AMPLIFY_a_ONE", "AMPLIFY_a_TWO")
    page = show(alice, world.dev)
    write_outside(f"{ROOT}/gen/{MAIL}", "newer")
    parameter_store().remove([f"{ROOT}/gen/{STRIPE}"])
    failed = save(alice, page)
    assert failed.status_code == 422
    found = messages_in(failed)
    assert "changed after you opened" in found[MAIL]
    assert "no longer in the parameter store" in found[STRIPE]
    assert values_on(world, world.dev, "ONE", "TWO", "API_KEY", "STRIPE") == [
        *("CANARY AMPLIFY_a_ONE", "CANARY AMPLIFY_a_TWO", None, None)
    ]
    assert not any(is_chosen for _, _, is_chosen in rows_of(failed))  # nor what was imported
    posted = fields_of(failed, MAIL, STRIPE)
    reconcile_now(world)
    store_calls.clear()
    again = alice.post(URL, {**posted, "action": "save"})
    assert "1 of these is no longer" in " ".join(again.text.split())
    assert "changed after you opened" in messages_in(again)[MAIL]
    assert store_calls("read") == 0
    assert save(alice, again, MAIL).status_code == 302
    assert values_on(world, world.dev, "API_KEY") == ["newer"]
    other = alice.post(URL, {**posted, "environment": "other", "action": "save"})
    assert (other.status_code, "environment is no longer" in other.text) == (422, True)


@pytest.mark.usefixtures("console_on_ssm")
def test_values_that_no_secret_can_have(
    world: World, alice: Client, plain_ssm: "SSMClient"
) -> None:
    """A String is imported, encrypted. What can't be stored says why, and the rest is saved."""
    values = {"LONG": "x" * 4097, "BRACES": "{{ CANARY }}", "PLAIN": " plain\n", "URL": "CANARY"}
    for name, value in values.items():
        path = f"{ROOT}/gen/AMPLIFY_f_{name}"
        plain_ssm.put_parameter(Name=path, Value=value, Type="String", Tier="Advanced")
    reconcile_now(world)
    key_types.set_type(
        actor=world.actor("alice"), app_id="d1shop", key="URL", kind="url", rule="", base=0
    )
    page = show(alice)
    assert page.text.count("Not encrypted") == 4
    failed = save(alice, page)
    problems = {name: text for name, text in messages_in(failed).items() if text}
    assert [*problems] == ["AMPLIFY_f_BRACES", "AMPLIFY_f_LONG", "AMPLIFY_f_URL"]
    for name, words in (("BRACES", "{{ and }}"), ("LONG", "4,097"), ("URL", "takes a URL")):
        assert words in problems[f"AMPLIFY_f_{name}"]
    [stored] = plain_ssm.get_parameters(
        Names=["/amplify/shared/d1shop/PLAIN"], WithDecryption=True
    )["Parameters"]
    assert (stored["Value"], stored["Type"]) == (" plain\n", "SecureString")


def test_the_store_fails(world: World, alice: Client, interrupted: InterruptedStore) -> None:
    """What is wrong with one parameter stops no other. A store that doesn't answer stops all."""
    write_gen1(world, MAIL, STRIPE)
    page = show(alice, world.dev)

    def failing(error: type[StoreError]) -> Callable[[], None]:
        def fail() -> None:
            raise error

        return fail

    interrupted.before("read", failing(Unreachable))
    failed = save(alice, page)
    assert messages_in(failed) == {MAIL: Unreachable.message, STRIPE: "Not imported yet."}
    assert rows_of(failed)[1][2]  # what was not tried is still chosen
    for error in (AccessDenied, Unreadable):
        for _ in range(2):  # all together, then the first one
            interrupted.before("read", failing(error))
        failed = save(alice, failed, MAIL, STRIPE)
        assert messages_in(failed)[MAIL] == error.message
    assert values_on(world, world.dev, "API_KEY", "STRIPE") == [None, f"CANARY {STRIPE}"]
    outcomes = [row.outcome for row in audit_rows(world, "parameter.read")]
    assert outcomes == ["failed", "failed", "failed", "succeeded", "failed", "succeeded"]


def test_in_parts(world: World, alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gen1, "PART", 2)
    names = [f"AMPLIFY_f_KEY_{number}" for number in range(5)]
    write_gen1(world, *names)
    page = show(alice, world.dev)
    part = alice.post(URL, {**fields_of(page, AMPLIFY_f_KEY_4="LAST"), "action": "save"})
    assert "Imported 2 of 5 values." in part.text
    while "HX-Redirect" not in part.headers:
        context = part.context
        posted = {name: context[name] for name in ("change_set", "environment", "scope", "done")}
        posted |= {"row": context["left"], "action": "save"}
        part = alice.post(URL, posted, headers={"hx-request": "true"})
    [message] = alice.get("/apps/d1shop/").context["messages"]
    assert str(message) == "Imported 5 secrets."
    assert values_on(world, world.dev, "KEY_3", "LAST") == [f"CANARY {it}" for it in names[3:]]
    written = AuditEvent.objects.filter(action="secret.create")
    assert len({event.change_set for event in written}) == 1


def test_a_repeated_post_imports_once(world: World, alice: Client) -> None:
    write_gen1(world, MAIL)
    page = show(alice, world.dev)
    assert [save(alice, page).status_code for _ in range(2)] == [302, 302]
    assert len(audit_rows(world, "secret.create")) == 1


def test_who_may(world: World, client_for: ClientFor) -> None:
    """Those who may reveal and change every value. A refused attempt is recorded."""
    write_gen1(world, MAIL)
    posted = {**fields_of(show(client_for("mia"), world.dev)), "action": "save"}
    for name in ("vera", "bob"):  # main is protected, so a developer may not
        assert client_for(name).get(URL).status_code == 403
        assert client_for(name).post(URL, posted).status_code == 403
        assert "Import as secrets" not in client_for(name).get(ORPHANS).text
    denied = [row for row in audit_rows(world, "parameter.read") if row.outcome == "denied"]
    assert {row.actor for row in denied} == {"vera", "bob"}
    assert "Import as secrets" in client_for("mia").get(ORPHANS).text
    assert world.app.secrets.count() == 0
    world.main.protected = False
    world.main.save()
    assert client_for("bob").get(URL).status_code == 200
    Member.objects.filter(user=world.person("bob")).update(patterns="*")
    assert client_for("bob").get(URL).status_code == 403


def test_who_knows_the_values(world: World, client_for: ClientFor) -> None:
    """Who imported a parameter knows what others import from the same version of it later."""
    write_gen1(world, MAIL)
    assert save(client_for("mia"), show(client_for("mia"), world.dev)).status_code == 302
    assert save(client_for("alice"), show(client_for("alice"), world.main)).status_code == 302
    known = exposure.exposed_secrets(world.person("mia").pk, "d1shop")
    assert [(it.branch, it.key) for it in known] == [("dev", "API_KEY"), ("main", "API_KEY")]


def test_queries_do_not_depend_on_the_number(world: World, alice: Client) -> None:
    counts = []
    for names in ([MAIL], [STRIPE, *(f"AMPLIFY_f_KEY_{number}" for number in range(20))]):
        write_gen1(world, *names)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            show(alice, world.dev)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20
