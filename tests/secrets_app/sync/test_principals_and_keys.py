"""Who changed a secret outside Branchkeep, and the KMS key that encrypts it (guarantee 42)."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from console.models import AuditOutcome
from secrets_app.history import bin_actions, parameter_bin
from secrets_app.models import BinEntry, Secret
from secrets_app.store import parameter_store
from secrets_app.store.ssm import responses
from secrets_app.writes.encrypting import encrypt
from tests.factories import (
    access_of,
    delete_command,
    listed_secret,
    reconcile_now,
    reconciled_secret,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    write_outside,
)
from tests.factories.drift import drifts
from tests.fixtures.faulty import Faulty
from tests.fixtures.people import World
from tests.secrets_app.orphans.test_orphans import MOVE, found

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

JANE = "arn:aws:sts::123456789012:assumed-role/Admin/jane"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
LIST = "/apps/d1shop/hosting/secrets/"


@pytest.fixture
def as_jane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make listings name jane, because moto names nobody."""
    listed = responses.listed
    monkeypatch.setattr(responses, "listed", lambda data: replace(listed(data), modified_by=JANE))


@pytest.mark.usefixtures("console_on_ssm", "as_jane")
@pytest.mark.parametrize(("name", "shown"), [("alice", "jane"), ("olga", JANE)])
def test_it_works(world: World, client_for: Callable[[str], Client], name: str, shown: str) -> None:
    reconciled_secret(world, "API_KEY", world.dev)
    write_outside(secret_paths(world, "API_KEY", world.dev)[0])
    reconcile_now(world)
    row = secret_row(world, "API_KEY", world.dev)
    assert row.modified_by == JANE
    if name == "olga":
        world.app.members.create(user=world.person("olga"), role="viewer")
    for url in (LIST, f"{LIST}{row.pk}/"):
        text = " ".join(client_for(name).get(url).text.split())
        assert f"{shown}, outside Branchkeep" in text or f"{shown} outside Branchkeep" in text
        assert ("123456789012" in text) == (name == "olga")


@pytest.mark.usefixtures("console_on_ssm", "as_jane")
def test_the_activity_names_them(world: World, client_for: Callable[[str], Client]) -> None:
    reconciled_secret(world, "API_KEY", world.dev)
    write_outside(secret_paths(world, "API_KEY", world.dev)[0])
    write_outside(secret_paths(world, "ADDED")[0])
    reconcile_now(world)
    found = AuditOutcome.objects.filter(event__action__startswith="found.")
    assert [it.detail for it in found] == ["By jane."] * 2
    assert "By jane." in client_for("vera").get("/apps/d1shop/activity/").text


@pytest.mark.usefixtures("console_on_ssm", "as_jane")
def test_nobody_is_named_for_a_removal(world: World) -> None:
    primary, mirror = secret_paths(world, "API_KEY", world.dev)
    reconciled_secret(world, "API_KEY", world.dev)
    write_outside(mirror)
    reconcile_now(world)
    assert [it.by for it in drifts(world)] == ["jane"]
    for path in (mirror, primary):
        parameter_store().remove([path])
        reconcile_now(world)
        assert [it.by for it in drifts(world)] == [""]
    found = AuditOutcome.objects.filter(event__action__startswith="found.")
    assert [it.detail for it in found] == ["By jane.", "", ""]


@pytest.mark.usefixtures("console_on_ssm", "as_jane")
def test_a_mirror_that_is_left_has_another_author(world: World) -> None:
    reconciled_secret(world, "API_KEY", world.dev)
    parameter_store().remove(secret_paths(world, "API_KEY", world.dev)[:1])
    reconcile_now(world)
    assert AuditOutcome.objects.get(event__action="found.remove").detail == ""


@pytest.mark.usefixtures("console_on_ssm", "as_jane")
def test_our_own_changes_name_our_user(world: World) -> None:
    set_secret(world, "API_KEY")
    reconcile_now(world)
    assert listed_secret(world, "API_KEY").outside_by == ""


@pytest.mark.usefixtures("console_on_ssm", "as_jane")
def test_a_change_that_no_listing_has_shown_yet(world: World) -> None:
    """The earlier version's author isn't named for the new one."""
    row = reconciled_secret(world, "API_KEY")
    write_outside(secret_paths(world, "API_KEY")[0])
    reconcile_now(world)
    write_outside(secret_paths(world, "API_KEY")[0])
    row = secret_row(world, "API_KEY")
    save_secrets(world, set_command(row, expected_version=3), by="mia")  # finds the drift
    assert secret_row(world, "API_KEY").modified_by == ""


@pytest.mark.usefixtures("console_on_ssm")
@pytest.mark.parametrize("place", [0, 1], ids=["primary", "mirror"])
def test_a_key_is_shown_and_kept(
    world: World, client_for: Callable[[str], Client], plain_ssm: "SSMClient", place: int
) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    path = secret_paths(world, "API_KEY", world.main)[place]
    put(plain_ssm, path)
    reconcile_now(world)
    row = secret_row(world, "API_KEY", world.main)
    assert [row.key_id, row.mirror_key_id][place] == KEY
    text = client_for("mia").get(f"{LIST}{row.pk}/").text
    assert "key/" not in text
    assert "1234abcd-12ab-34cd-56ef-1234567890ab" in text
    save_secrets(world, set_command(row))
    assert key_of(plain_ssm, path) == KEY
    other = secret_paths(world, "API_KEY", world.main)[1 - place]
    assert key_of(plain_ssm, other) == "alias/aws/ssm"
    reconcile_now(world)
    reconcile_now(world)
    assert secret_row(world, "API_KEY", world.main).version == 3 - place


@pytest.mark.usefixtures("console_on_ssm")
@pytest.mark.parametrize("place", [0, 1], ids=["primary", "mirror"])
def test_the_advanced_tier_is_shown_and_kept(
    world: World,
    client_for: Callable[[str], Client],
    plain_ssm: "SSMClient",
    faulty: Faulty,
    place: int,
) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    paths = secret_paths(world, "API_KEY", world.main)
    parameter_store().remove([paths[place]])
    plain_ssm.put_parameter(Name=paths[place], Value="v", Type="String", Tier="Advanced")
    faulty.requests.clear()
    reconcile_now(world)
    reconcile_now(world)  # the first one asked by name, too
    row = secret_row(world, "API_KEY", world.main)
    label = ["Tier", "Tier of the mirror"][place]
    text = " ".join(client_for("vera").get(f"{LIST}{row.pk}/").text.split())
    assert f'<dt>{label}</dt> <dd><span class="mono">Advanced</span>' in text
    mia, versions = world.actor("mia"), (row.version, row.mirror_version)
    encrypt(actor=mia, app_id="d1shop", pk=row.pk, expected_versions=versions)
    save_secrets(world, set_command(secret_row(world, "API_KEY", world.main)))
    assert tiers_sent(faulty, paths[place]) == ["Advanced"] * 2
    assert tiers_sent(faulty, paths[1 - place]) == [None]
    reconcile_now(world)
    save_secrets(world, set_command(secret_row(world, "API_KEY", world.main)))
    assert tiers_sent(faulty, paths[place]) == ["Advanced"] * 3


@pytest.mark.usefixtures("console_on_ssm")
def test_the_recycle_bin_keeps_key_and_tier(
    world: World, plain_ssm: "SSMClient", faulty: Faulty
) -> None:
    [path, _] = secret_paths(world, "API_KEY")
    plain_ssm.put_parameter(
        Name=path, Value="v", Type="SecureString", KeyId=KEY, Tier="Advanced", Overwrite=True
    )
    reconcile_now(world)
    reconcile_now(world)
    save_secrets(world, delete_command(secret_row(world, "API_KEY")))
    access, entry = access_of(world, "mia"), world.app.bin_entries.get()
    bin_actions.restore(access, entry, uuid.uuid4(), to=None)
    save_secrets(world, set_command(secret_row(world, "API_KEY")))  # before any listing
    assert key_of(plain_ssm, path) == KEY
    assert tiers_sent(faulty, path) == ["Advanced"] * 2


@pytest.mark.usefixtures("console_on_ssm")
def test_an_orphan_keeps_key_and_tier(
    world: World, client_for: Callable[[str], Client], plain_ssm: "SSMClient", faulty: Faulty
) -> None:
    path, alice = "/amplify/d1shop/old/API_KEY", client_for("alice")
    plain_ssm.put_parameter(Name=path, Value="v", Type="SecureString", KeyId=KEY, Tier="Advanced")
    reconcile_now(world)
    for _ in range(2):  # the second time before any listing
        alice.post(MOVE, {"all": found(world)[0].tokens})
        parameter_bin.restore(access_of(world, "alice"), BinEntry.objects.get(), uuid.uuid4())
        assert key_of(plain_ssm, path) == KEY
    assert tiers_sent(faulty, path) == ["Advanced"] * 2


@pytest.mark.usefixtures("console_on_ssm")
@pytest.mark.parametrize("place", [0, 1], ids=["primary", "mirror"])
def test_a_replaced_string_gets_the_key_of_the_other_one(
    world: World, plain_ssm: "SSMClient", place: int
) -> None:
    paths = secret_paths(world, "API_KEY", world.main)
    put(plain_ssm, paths[1 - place])
    plain_ssm.put_parameter(Name=paths[place], Value="v", Type="String")
    reconcile_now(world)
    reconcile_now(world)
    row = secret_row(world, "API_KEY", world.main)
    encrypt(actor=world.actor("mia"), app_id="d1shop", pk=row.pk, expected_versions=(1, 1))
    assert [key_of(plain_ssm, path) for path in paths] == [KEY, KEY]
    save_secrets(world, set_command(secret_row(world, "API_KEY", world.main)))
    assert [key_of(plain_ssm, path) for path in paths] == [KEY, KEY]


@pytest.mark.usefixtures("console_on_ssm")
def test_a_new_mirror_gets_the_secrets_key(world: World, plain_ssm: "SSMClient") -> None:
    primary, mirror = secret_paths(world, "API_KEY", world.main)
    put(plain_ssm, primary)
    reconcile_now(world)
    reconcile_now(world)  # the first one asked by name, too
    repair_secret_mirror(world, secret_row(world, "API_KEY", world.main))
    save_secrets(world, set_command(secret_row(world, "API_KEY", world.main)))  # before any listing
    assert key_of(plain_ssm, mirror) == KEY


@pytest.mark.usefixtures("console_on_ssm")
def test_key_and_tier_of_a_lone_mirror(
    world: World, plain_ssm: "SSMClient", faulty: Faulty
) -> None:
    """To the secret that is brought back from it, and to its copy in the recycle bin."""
    primary, mirror = secret_paths(world, "API_KEY", world.main)
    more: Any = {"Type": "SecureString", "KeyId": KEY, "Tier": "Advanced"}
    plain_ssm.put_parameter(Name=mirror, Value="v", **more)
    for _ in range(2):  # the first one asks by name, too
        reconcile_now(world)
    repair_secret_mirror(world, secret_row(world, "API_KEY", world.main))
    save_secrets(world, set_command(secret_row(world, "API_KEY", world.main)))  # before any listing
    assert key_of(plain_ssm, primary) == KEY
    assert tiers_sent(faulty, primary) == ["Advanced"] * 2
    parameter_store().remove([primary])
    for _ in range(2):
        reconcile_now(world)
    save_secrets(world, delete_command(secret_row(world, "API_KEY", world.main)))
    entry = world.app.bin_entries.get()
    assert (entry.key_id, entry.advanced) == (KEY, True)


@pytest.mark.usefixtures("console_on_ssm")
def test_a_secret_that_is_added_again(world: World, plain_ssm: "SSMClient") -> None:
    put(plain_ssm, secret_paths(world, "API_KEY")[0])
    reconcile_now(world)
    save_secrets(world, delete_command(secret_row(world, "API_KEY")))
    set_secret(world, "API_KEY")
    assert key_of(plain_ssm, secret_paths(world, "API_KEY")[0]) == "alias/aws/ssm"


@pytest.mark.usefixtures("console_on_ssm")
def test_what_was_known_before_the_upgrade(world: World, plain_ssm: "SSMClient") -> None:
    put(plain_ssm, secret_paths(world, "API_KEY")[0])
    reconcile_now(world)
    Secret.objects.update(key_id="", modified_by="")
    reconcile_now(world)
    assert secret_row(world, "API_KEY").key_id == KEY


@pytest.mark.usefixtures("console_on_ssm")
def test_an_unchanged_store_writes_nothing(world: World, plain_ssm: "SSMClient") -> None:
    put(plain_ssm, secret_paths(world, "API_KEY", world.main)[0])
    reconcile_now(world)
    reconcile_now(world)
    before = list(Secret.objects.values())
    reconcile_now(world)
    assert list(Secret.objects.values()) == before


def test_the_embedded_store_has_neither(world: World) -> None:
    row = reconciled_secret(world, "API_KEY")
    assert (row.modified_by, row.key_id, row.mirror_key_id) == ("", "", "")
    assert parameter_store().current(secret_paths(world, "API_KEY")[:1])


def put(ssm: "SSMClient", path: str) -> None:
    """Write a parameter outside, with a KMS key of its own."""
    ssm.put_parameter(Name=path, Value="v", Type="SecureString", KeyId=KEY, Overwrite=True)


def key_of(ssm: "SSMClient", path: str) -> str:
    """Return the KMS key that SSM names for a parameter."""
    filters: Any = [{"Key": "Name", "Values": [path]}]
    [found] = ssm.describe_parameters(ParameterFilters=filters)["Parameters"]
    return found["KeyId"]


def tiers_sent(faulty: Faulty, path: str) -> list[str | None]:
    """Return the tiers with which the console wrote a parameter."""
    puts = [it.parameters for it in faulty.requests if it.operation == "PutParameter"]
    return [it.get("Tier") for it in puts if it["Name"] == path]
