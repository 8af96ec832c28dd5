"""Values of self-managed hosting are those that `ampx secret` and `ampx config` read and write.

Of two saves one is a conflict (guarantee 12), and only plain configuration is a String (41).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from console.access.acts import ConfirmationRequired
from console.members.exposure import exposed_secrets
from secrets_app.hosting.places import Kind, Place
from secrets_app.hosting.values import (
    ABSENT,
    CHANGED,
    EXISTS,
    GONE,
    HostingValue,
    get_effective_value,
    get_value,
    list_values,
    read_by,
    remove_value,
    restore_secret,
    set_value,
)
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import (
    AlreadyExists,
    Conflict,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    Rejected,
    StoreError,
)
from tests.factories import audit_events, set_role
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

SECRETS, CONFIG = "amplify/hosting/web-shop/secrets", "/amplify/hosting/web-shop/config"
KINDS = [*Kind]


def secret(key: str, stage: str = "") -> Place:
    """Return the place of a secret."""
    return Place(Kind.SECRET, stage, key)


def config(key: str, stage: str = "") -> Place:
    """Return the place of a configuration value."""
    return Place(Kind.CONFIG, stage, key)


class Person:
    """Someone who uses the services."""

    def __init__(self, world: World, name: str = "alice") -> None:
        self.who: Any = {"actor": world.actor(name), "app_id": world.app.app_id}

    def set(self, place: Place, value: str, expected: str | None = None) -> str:
        saved = set_value(**self.who, place=place, value=SecretValue(value), expected=expected)
        return saved.version

    def get(self, place: Place) -> str:
        return get_value(**self.who, place=place).reveal()

    def list(self, kind: Kind) -> list[HostingValue]:
        return list_values(**self.who, kind=kind)

    def remove(self, place: Place, expected: str | None = None) -> None:
        remove_value(**self.who, place=place, expected=expected)

    def restore(self, place: Place) -> None:
        restore_secret(**self.who, place=place)


ACTS: list[Callable[[Person, str], object]] = [
    lambda person, stage: person.get(secret("KEY", stage)),
    lambda person, stage: person.set(secret("KEY", stage), "value"),
    lambda person, stage: person.set(config("KEY", stage), "value"),
    lambda person, stage: person.remove(secret("KEY", stage)),
    lambda person, stage: person.restore(secret("KEY", stage)),
]


def current(secrets: Any, name: str) -> str:
    """Return what Amplify reads from Secrets Manager."""
    return str(secrets.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"])


def names(rows: list[HostingValue]) -> list[tuple[str, str]]:
    """Return the stages and keys of rows."""
    return [(row.place.stage, row.place.key) for row in rows]


def test_it_works(hosted: World, plain_secrets: Any, plain_ssm: "SSMClient") -> None:
    alice = Person(hosted)
    alice.set(secret("STRIPE_KEY"), "shared secret\n")
    alice.set(secret("STRIPE_KEY", "prod"), "first")
    alice.set(secret("STRIPE_KEY", "prod"), "secret of prod")
    alice.set(config("DOMAIN"), "example.org")
    alice.set(config("DOMAIN", "prod"), "shop.example.org")
    assert current(plain_secrets, f"{SECRETS}/STRIPE_KEY") == "shared secret\n"
    assert current(plain_secrets, f"{SECRETS}/prod/STRIPE_KEY") == "secret of prod"
    held = plain_ssm.get_parameters_by_path(Path=CONFIG, Recursive=True)["Parameters"]
    assert {(it["Name"], it["Type"], it["Value"]) for it in held} == {
        (f"{CONFIG}/DOMAIN", "String", "example.org"),
        (f"{CONFIG}/prod/DOMAIN", "String", "shop.example.org"),
    }
    assert alice.get(secret("STRIPE_KEY", "prod")) == "secret of prod"
    assert alice.get(config("DOMAIN")) == "example.org"
    assert names(alice.list(Kind.SECRET)) == [("", "STRIPE_KEY"), ("prod", "STRIPE_KEY")]
    rows = alice.list(Kind.CONFIG)
    assert [row.value.reveal() for row in rows if row.value] == ["example.org", "shop.example.org"]
    alice.remove(config("DOMAIN", "prod"))
    alice.remove(secret("STRIPE_KEY", "prod"))
    assert names(alice.list(Kind.CONFIG)) == [("", "DOMAIN")]
    assert [row.removed for row in alice.list(Kind.SECRET)] == [False, True]
    alice.restore(secret("STRIPE_KEY", "prod"))
    assert alice.get(secret("STRIPE_KEY", "prod")) == "secret of prod"


def test_what_ampx_wrote(hosted: World, plain_secrets: Any, plain_ssm: "SSMClient") -> None:
    """Of this project alone, whatever its type; the CLI of aws-blocks encrypts configuration."""
    alice = Person(hosted)
    odd = ("/KEY", "../KEY", "./KEY", "prod/", "prod//KEY", "a@b/KEY", "K+=")
    for name in ("KEY", "prod/KEY", "a/b/KEY", *odd):
        plain_secrets.create_secret(Name=f"{SECRETS}/{name}", SecretString="by ampx")
    for other in ("amplify/hosting/web-shop2/secrets/KEY", "amplify/hosting/web/secrets/KEY"):
        plain_secrets.create_secret(Name=other, SecretString="of others")
    plain_ssm.put_parameter(Name=f"{CONFIG}/PLAIN", Value="plain", Type="String")
    plain_ssm.put_parameter(Name=f"{CONFIG}/FLAGS", Value="1", Type="SecureString")
    assert names(alice.list(Kind.SECRET)) == [("", "KEY"), ("prod", "KEY")]
    assert alice.get(secret("KEY")) == "by ampx"
    rows = alice.list(Kind.CONFIG)
    assert [(it.place.key, it.encrypted, it.value is None) for it in rows] == [
        ("FLAGS", True, True),
        ("PLAIN", False, False),
    ]
    assert alice.get(config("FLAGS")) == "1"
    alice.set(config("FLAGS"), "2", rows[0].version)  # SSM can't change a type
    alice.set(config("PLAIN"), "other", rows[1].version)
    held = plain_ssm.get_parameters_by_path(Path=CONFIG, WithDecryption=True)["Parameters"]
    assert {(it["Type"], it["Value"]) for it in held} == {
        ("SecureString", "2"),
        ("String", "other"),
    }


def test_longest_project(hosted: World) -> None:
    """A name that SSM can't have, nor the audit trail, is not even recorded as denied."""
    hosted.app.hosting_project = "p" * 214
    hosted.app.save()
    for name in ("alice", "vera"):
        with pytest.raises(Rejected, match="at most"):
            Person(hosted, name).set(config("K" * 900), "value")
    assert not audit_events()


def test_many(hosted: World, plain_secrets: Any) -> None:
    """A listing has pages, never values, and a call for each page."""
    for number in range(101):
        plain_secrets.create_secret(Name=f"{SECRETS}/KEY_{number}", SecretString="x")
    assert len(Person(hosted).list(Kind.SECRET)) == 101
    assert not audit_events()


@pytest.mark.parametrize("kind", KINDS)
def test_conflicts(hosted: World, kind: Kind) -> None:
    alice, place = Person(hosted), Place(kind, "prod", "KEY")
    first = alice.set(place, "first", ABSENT)
    for expected, value, message in ((ABSENT, "again", EXISTS), ("9", "based on another", CHANGED)):
        with pytest.raises(Conflict, match=message):
            alice.set(place, value, expected)
    second = alice.set(place, "second", first)
    with pytest.raises(Conflict, match=CHANGED):
        alice.set(place, "third", first)
    with pytest.raises(Conflict, match=CHANGED):
        alice.remove(place, first)
    assert alice.get(place) == "second"
    alice.remove(place, second)
    with pytest.raises(Conflict, match=GONE):
        alice.set(place, "fourth", second)
    with pytest.raises(NotFound):
        alice.remove(place)
    outcomes = [(it.action.partition(".")[2], it.outcomes.get().outcome) for it in audit_events()]
    assert outcomes == [
        ("create", "succeeded"),
        *[("change", "failed")] * 2,
        ("change", "succeeded"),
        ("change", "failed"),
        ("remove", "failed"),
        *([("reveal", "succeeded")] if kind is Kind.SECRET else []),
        ("remove", "succeeded"),
        ("create", "failed"),
        ("remove", "failed"),
    ]


def test_someone_else_writes_in_between(
    hosted: World, plain_secrets: Any, plain_ssm: "SSMClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check of the version and the write. Secrets Manager then keeps theirs."""
    from secrets_app.store.plain_parameters import PlainParameters
    from secrets_app.store.secrets_manager.client import SecretsManager

    alice, versions = Person(hosted), {}
    for place in (secret("KEY"), config("KEY")):
        versions[place] = alice.set(place, "first")
    new = {secret("NEW"), config("NEW")}

    def find(store: Any, name: str, real: Any) -> Any:
        found = real(store, name)
        key = name.rpartition("/")[2]
        if name.startswith("/"):
            plain_ssm.put_parameter(Name=name, Value="theirs", Type="String", Overwrite=True)
        elif key == "NEW":
            plain_secrets.create_secret(Name=name, SecretString="theirs")
        else:
            plain_secrets.put_secret_value(SecretId=name, SecretString="theirs")
        return found

    for store in (SecretsManager, PlainParameters):
        real = store.find
        monkeypatch.setattr(store, "find", lambda self, name, real=real: find(self, name, real))
    for place, version in versions.items():
        with pytest.raises(Conflict):
            alice.set(place, "ours", version)
    for place in new:
        with pytest.raises(AlreadyExists):
            alice.set(place, "ours", ABSENT)
    assert current(plain_secrets, f"{SECRETS}/KEY") == "theirs"
    stages = plain_secrets.describe_secret(SecretId=f"{SECRETS}/KEY")["VersionIdsToStages"]
    assert sorted(label for labels in stages.values() for label in labels) == [
        "AWSCURRENT",
        "AWSPREVIOUS",
    ]


def test_three_at_once(hosted: World, plain_secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who lost is told so, even if the winner took the label of the prepared version."""
    from secrets_app.store.secrets_manager.client import SecretsManager

    alice, mia = Person(hosted), Person(hosted, "mia")
    version = alice.set(secret("KEY"), "first")
    real, late = SecretsManager._make_current, ["of mia"]

    def make_current(store: SecretsManager, found: Any, prepared: str) -> None:
        if late:
            mia.set(secret("KEY"), late.pop(), version)
        real(store, found, prepared)

    monkeypatch.setattr(SecretsManager, "_make_current", make_current)
    with pytest.raises(Conflict, match="has changed since you opened it"):
        alice.set(secret("KEY"), "of alice", version)
    assert current(plain_secrets, f"{SECRETS}/KEY") == "of mia"


def test_late_request(hosted: World, faulty: Faulty, plain_secrets: Any) -> None:
    """A write that AWS carries out later takes nothing back, even if it was based on no version."""
    alice, place = Person(hosted), secret("KEY")
    alice.set(place, "first")
    for operation in ("PutSecretValue", "UpdateSecretVersionStage"):
        faulty.next(Fault.LATE_RESET, times=3, on=operation)
        with pytest.raises(StoreError) as lost:
            alice.set(place, f"late {operation}")
        is_unknown = operation != "PutSecretValue"  # that changes nothing
        assert isinstance(lost.value, OutcomeUnknown) is is_unknown
        alice.set(place, f"after {operation}")
        assert faulty.land() == 3
        assert current(plain_secrets, f"{SECRETS}/KEY") == f"after {operation}"


def test_removed_secret_is_set(hosted: World, plain_secrets: Any) -> None:
    alice, place = Person(hosted), secret("KEY")
    alice.set(place, "first")
    alice.remove(place)
    with pytest.raises(Rejected, match="scheduled for deletion"):
        alice.get(place)
    saved = set_value(**alice.who, place=place, value=SecretValue("second"), expected=ABSENT)
    assert (saved.was_removed, saved.is_new) == (True, True)
    assert current(plain_secrets, f"{SECRETS}/KEY") == "second"
    alice.restore(place)  # nothing to do
    assert [row.removed for row in alice.list(Kind.SECRET)] == [False]


def test_restored_but_not_set(hosted: World, faulty: Faulty) -> None:
    alice, place = Person(hosted), secret("KEY")
    alice.set(place, "first")
    alice.remove(place)
    faulty.always(Fault.ACCESS_DENIED, on="PutSecretValue")
    with pytest.raises(StoreError, match="restored with its earlier value"):
        alice.set(place, "second", ABSENT)
    assert alice.get(place) == "first"


def test_fallback(hosted: World) -> None:
    """A stage reads its own value, otherwise the shared one. A removed one of its own stays."""
    alice = Person(hosted)
    for key, stage in (
        ("A", ""),
        ("A", "prod"),
        ("B", ""),
        ("C", "test"),
        ("D", ""),
        ("D", "prod"),
    ):
        alice.set(secret(key, stage), f"{key} of {stage}")
    alice.remove(secret("D", "prod"))
    rows = read_by("prod", alice.list(Kind.SECRET))
    assert [(it.place.stage, it.place.key, it.removed) for it in rows] == [
        ("prod", "A", False),
        ("", "B", False),
        ("prod", "D", True),
    ]
    place, value = get_effective_value(**alice.who, place=secret("B", "prod"))
    assert (place, value.reveal()) == (secret("B"), "B of ")
    with pytest.raises(Rejected, match="scheduled for deletion"):
        get_effective_value(**alice.who, place=secret("D", "prod"))
    with pytest.raises(NotFound):
        get_effective_value(**alice.who, place=secret("C", "prod"))


def test_roles(hosted: World) -> None:
    """A stage counts as the branch of its name, and as protected if there is none."""
    alice = Person(hosted)
    for stage in ("", "dev", "main", "prod"):
        alice.set(secret("KEY", stage), "value")
        alice.set(config("KEY", stage), "value")
    set_role(hosted, "gina", "maintainer", "prod*")
    hosted.app.members.filter(group__isnull=False).delete()
    allowed = {"mia": ["", "dev", "main", "prod"], "bob": ["dev"], "gina": ["prod"], "vera": []}
    for name, stages in allowed.items():
        person = Person(hosted, name)
        assert len(person.list(Kind.SECRET)) == 4
        assert [row.value is not None for row in person.list(Kind.CONFIG)] == [True] * 4
        assert person.get(config("KEY", "main")) == "value"
        for act in ACTS:
            done = []
            for stage in ("", "dev", "main", "prod"):
                try:
                    act(person, stage)
                except PermissionDenied:
                    continue
                done.append(stage)
            assert done == stages
    for name in ("charlie", "olga"):
        with pytest.raises(Http404):
            Person(hosted, name).list(Kind.CONFIG)
        with pytest.raises(Http404):
            Person(hosted, name).get(config("KEY"))


def test_protected_values_ask(hosted: World) -> None:
    Person(hosted).set(secret("KEY", "prod"), "value")
    old: Any = {"actor": hosted.old_actor("mia"), "app_id": hosted.app.app_id}
    with pytest.raises(ConfirmationRequired):
        get_value(**old, place=secret("KEY", "prod"))
    Person(hosted).set(secret("KEY", "dev"), "value")
    assert get_value(**old, place=secret("KEY", "dev")).reveal() == "value"


def test_encrypted_configuration_is_revealed(hosted: World, plain_ssm: "SSMClient") -> None:
    plain_ssm.put_parameter(Name=f"{CONFIG}/FLAGS", Value="1", Type="SecureString")
    with pytest.raises(PermissionDenied):
        Person(hosted, "bob").get(config("FLAGS"))
    [denied] = audit_events()
    assert (denied.action, denied.outcomes.get().outcome) == ("hosting_config.reveal", "denied")


def test_binary_secret(hosted: World, plain_secrets: Any) -> None:
    plain_secrets.create_secret(Name=f"{SECRETS}/KEY", SecretBinary=b"\x00\xff")
    alice = Person(hosted)
    with pytest.raises(Rejected, match="binary data"):
        alice.get(secret("KEY"))
    [row] = alice.list(Kind.SECRET)
    alice.set(secret("KEY"), "text", row.version)
    assert alice.get(secret("KEY")) == "text"


def test_limits(hosted: World, faulty: Faulty) -> None:
    alice = Person(hosted)
    for value in ("", "é" * 32_769):
        with pytest.raises(Rejected):
            alice.set(secret("KEY"), value)
    with pytest.raises(Rejected):
        alice.set(config("KEY"), "x" * 4097)
    bad = (secret("a b"), secret("KEY", "a/b"), config(".."), config("KEY", ".."))
    for place in (*bad, secret("KEY", "s" * 256), secret("KEY", "a\0")):
        for person in (alice, Person(hosted, "vera")):
            with pytest.raises(Rejected):
                person.set(place, "value")
    assert len(audit_events()) == 2  # of the values that are too long
    assert {"PutSecretValue", "CreateSecret", "PutParameter"}.isdisjoint(faulty.operations())
    alice.set(secret("KEY"), "é" * 32_768)
    assert len(alice.get(secret("KEY"))) == 32_768


@pytest.mark.parametrize("kind", KINDS)
def test_lost_responses(hosted: World, faulty: Faulty, kind: Kind) -> None:
    alice, place = Person(hosted), Place(kind, "", "KEY")
    version = alice.set(place, "first")
    write = "UpdateSecretVersionStage" if kind is Kind.SECRET else "PutParameter"
    remove = "DeleteSecret" if kind is Kind.SECRET else "DeleteParameters"
    for operation, act in (
        (write, lambda: alice.set(place, "second", version)),
        (remove, lambda: alice.remove(place)),
    ):
        faulty.always(Fault.RESET_AFTER, on=operation)
        if operation == "UpdateSecretVersionStage":  # which is checked afterwards
            faulty.next(Fault.TWICE, on="DescribeSecret")
            faulty.next(Fault.RESET, times=3, on="DescribeSecret")
        with pytest.raises(OutcomeUnknown, match="Reload the page in a minute"):
            act()
        event = audit_events()[-1]
        assert event.outcomes.get().outcome == "unknown"


def test_repeated_request_is_one_write(hosted: World, faulty: Faulty, plain_secrets: Any) -> None:
    alice, place = Person(hosted), secret("KEY")
    faulty.next(Fault.RESET_AFTER, on="CreateSecret")
    version = alice.set(place, "first", ABSENT)
    faulty.next(Fault.RESET_AFTER, on="PutSecretValue")
    version = alice.set(place, "second", version)
    faulty.next(Fault.RESET_AFTER, on="UpdateSecretVersionStage")
    alice.set(place, "third", version)
    assert alice.get(place) == "third"
    held = plain_secrets.describe_secret(SecretId=f"{SECRETS}/KEY")["VersionIdsToStages"]
    assert len(held) == 3
    assert audit_events()[-2].outcomes.get().outcome == "succeeded"


def test_calls(hosted: World, faulty: Faulty) -> None:
    alice = Person(hosted)
    calls = {}
    for place in (secret("KEY"), config("KEY")):
        version = alice.set(place, "first", ABSENT)
        alice.set(place, "second", version)
        alice.get(place)
        alice.list(place.kind)
        alice.remove(place)
        calls[place.kind] = faulty.operations()
        faulty.requests.clear()
    assert calls[Kind.SECRET] == [
        *("DescribeSecret", "CreateSecret"),
        *("DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage"),
        *("GetSecretValue", "ListSecrets", "DescribeSecret"),  # which was written lately
        *("DescribeSecret", "DeleteSecret"),
    ]
    assert calls[Kind.CONFIG] == [
        *("GetParameters", "PutParameter"),
        *("GetParameters", "DescribeParameters", "PutParameter"),
        *("GetParameters", "GetParameters"),
        *("DescribeParameters", "GetParameters"),
        *("GetParameters", "DeleteParameters"),
    ]


def test_missing_permission(hosted: World, faulty: Faulty) -> None:
    faulty.always(Fault.ACCESS_DENIED, on="ListSecrets")
    with pytest.raises(StoreError, match="AWS Secrets Manager denied access") as denied:
        Person(hosted).list(Kind.SECRET)
    assert denied.value.service == "AWS Secrets Manager"
    assert Person(hosted).list(Kind.CONFIG) == []


def test_without_project_or_aws(world: World, settings: Any) -> None:
    with pytest.raises(Rejected, match="has no self-managed hosting project"):
        Person(world).list(Kind.SECRET)
    world.app.hosting_project = "web-shop"
    world.app.save()
    for act in (lambda: Person(world).list(Kind.CONFIG), lambda: Person(world).get(secret("A"))):
        with pytest.raises(Misconfigured, match="embedded store"):
            act()


def test_known_secrets(hosted: World, client_for: Callable[..., Any]) -> None:
    """People who have seen or written a secret know it until somebody else changes it."""
    mia = Person(hosted, "mia")
    mia.set(secret("KEY", "prod"), "value")
    Person(hosted).set(secret("OTHER"), "value")
    mia.get(secret("OTHER"))
    names = ["OTHER (hosting secret of web-shop)", "KEY (hosting secret of web-shop)"]
    known = exposed_secrets(hosted.person("mia").pk, "d1shop")
    assert [(it.branch, it.key) for it in known] == [("All branches", names[0]), ("prod", names[1])]
    assert [it.since for it in known] == [None, None]
    Person(hosted).set(secret("OTHER"), "another")
    assert exposed_secrets(hosted.person("mia").pk, "d1shop")[0].since is not None
    mia_id = hosted.person("mia").pk
    page = client_for("alice").get(f"/apps/d1shop/settings/members/people/{mia_id}/known/")
    assert names[1] in page.text
