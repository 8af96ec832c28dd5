"""A String is replaced by a SecureString, and its value survives every fault (guarantees 8, 41)."""

from collections.abc import Callable
from io import StringIO
from itertools import count
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.test import Client

from console.access.actors import BACKGROUND
from console.models import AuditEvent
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.errors import Conflict, OutcomeUnknown, Rejected, Throttled
from secrets_app.sync import worker
from secrets_app.writes import encrypting
from secrets_app.writes.encrypting import encrypt
from tests.factories import (
    audit_rows,
    expire_leases,
    listed_secret,
    messages_of,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import (
    InterruptedStore,
    Killed,
    deny_access,
    lose_response,
    use_store,
)

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("console_on_ssm"), pytest.mark.sqlite]
VALUE = "the plain value"
BIN = "/amplify/branchkeep-bin"


def plain_secret(world: World, ssm: "SSMClient", places: tuple[int, ...] = (0, 1)) -> Secret:
    """Return a secret of main whose primary (0) or mirror (1) is a String at version 2."""
    reconciled_secret(world, "MAILER", world.main)
    paths = secret_paths(world, "MAILER", world.main)
    for place in places:
        parameter_store().remove([paths[place]])
        for _ in range(2):
            ssm.put_parameter(Name=paths[place], Value=VALUE, Type="String", Overwrite=True)
    reconcile_now(world)
    reconcile_now(world)
    return secret_row(world, "MAILER", world.main)


def replace_now(world: World, row: Secret, by: str = "mia") -> str:
    versions = (row.version, row.mirror_version)
    return encrypt(actor=world.actor(by), app_id="d1shop", pk=row.pk, expected_versions=versions)


def types(world: World, ssm: "SSMClient") -> list[str]:
    """Return the types of primary and mirror."""
    paths = [*secret_paths(world, "MAILER", world.main)]
    found = ssm.get_parameters(Names=paths)["Parameters"]
    return [it["Type"] for it in sorted(found, key=lambda it: paths.index(it["Name"]))]


def in_bin() -> list[str]:
    return [it.path for it in parameter_store().list([BIN])]


def open_events() -> list[AuditEvent]:
    return [*AuditEvent.objects.filter(action="secret.encrypt", outcomes=None)]


@pytest.mark.parametrize("places", [(0, 1), (0,), (1,)], ids=["both", "primary", "mirror"])
def test_it_works(
    world: World, plain_ssm: "SSMClient", client_for: Callable[[str], Client], places: tuple[int]
) -> None:
    row = plain_secret(world, plain_ssm, places)
    mia, url = client_for("mia"), f"/apps/d1shop/hosting/secrets/{row.pk}/"
    assert "Its older versions are gone for good." in " ".join(mia.get(url).text.split())
    shown = {"shown": f"{row.version}:{row.mirror_version}"}
    response = mia.post(f"{url}encrypt/", shown, follow=True)
    assert messages_of(response) == [encrypting.DONE]
    assert types(world, plain_ssm) == ["SecureString"] * 2
    values = stored_values(world, "MAILER", world.main)
    assert [values[place] for place in places] == [VALUE] * len(places)
    assert in_bin() == []
    for _ in range(2):
        row = secret_row(world, "MAILER", world.main)
        assert (row.unencrypted, row.claim_id) == (False, None)
        assert (row.version, row.mirror_version) == (1, 1)
        states = {""} if len(places) == 2 else {"behind", "unverified"}  # the values differ
        assert listed_secret(world, "MAILER", world.main).mirror in states
        reconcile_now(world)
    [event] = audit_rows(world, "secret.encrypt")
    assert (event.actor, event.key, event.outcome) == ("mia", "MAILER", "succeeded")
    assert audit_rows(world, "found.remove") == []


def test_of_all_branches(world: World, plain_ssm: "SSMClient") -> None:
    [path, _] = secret_paths(world, "MAILER")
    plain_ssm.put_parameter(Name=path, Value=VALUE, Type="StringList")
    reconcile_now(world)
    assert replace_now(world, secret_row(world, "MAILER")) == encrypting.DONE
    assert parameter_store().current([path])[path].encrypted
    assert stored_values(world, "MAILER")[0] == VALUE
    assert in_bin() == []


def test_nothing_to_do(world: World) -> None:
    row = reconciled_secret(world, "MAILER", world.main)
    with pytest.raises(Rejected, match="already encrypts"):
        replace_now(world, row)
    assert stored_values(world, "MAILER", world.main) == ("first", "first")
    assert [it.outcome for it in audit_rows(world, "secret.encrypt")] == ["failed"]
    assert secret_row(world, "MAILER", world.main).claim_id is None


def test_changed_since(world: World, plain_ssm: "SSMClient") -> None:
    row = plain_secret(world, plain_ssm, (0,))
    write_outside_plain(world, plain_ssm)
    with pytest.raises(Conflict):
        replace_now(world, row)
    assert types(world, plain_ssm) == ["String", "SecureString"]
    assert in_bin() == []


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_denied(world: World, plain_ssm: "SSMClient", name: str) -> None:
    row = plain_secret(world, plain_ssm)
    with pytest.raises(Exception, match="does not allow"):
        replace_now(world, row, by=name)
    assert types(world, plain_ssm) == ["String"] * 2
    assert [it.outcome for it in audit_rows(world, "secret.encrypt")] == ["denied"]


def test_a_value_that_branchkeep_could_not_write(world: World, plain_ssm: "SSMClient") -> None:
    [path, _] = secret_paths(world, "MAILER")
    plain_ssm.put_parameter(Name=path, Value="{{a}}", Type="String")
    reconcile_now(world)
    with pytest.raises(Rejected):
        replace_now(world, secret_row(world, "MAILER"))
    assert stored_values(world, "MAILER")[0] == "{{a}}"
    assert secret_row(world, "MAILER").claim_id is None


def test_the_bin_is_denied(
    world: World, plain_ssm: "SSMClient", interrupted: InterruptedStore
) -> None:
    row = plain_secret(world, plain_ssm)
    interrupted.before("put", deny_access)
    with pytest.raises(Exception, match="denied"):
        replace_now(world, row)
    assert types(world, plain_ssm) == ["String"] * 2
    assert [it.outcome for it in audit_rows(world, "secret.encrypt")] == ["failed"]


def throttle() -> None:
    raise Throttled


def kill() -> None:
    raise Killed


class SteppingStore(InterruptedStore):
    """Runs `fault` at the start or end of the call number `step`."""

    def __init__(self, step: int, fault: Callable[[], object]) -> None:
        super().__init__(parameter_store())
        self.steps, self.step, self.fault = count(1), step, fault

    def _reach(self, when: str, operation: str) -> None:
        if next(self.steps) == self.step:
            self.fault()


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        kill,  # leaves the most unfinished
        pytest.param(lose_response, marks=pytest.mark.exhaustive),
        pytest.param(throttle, marks=pytest.mark.exhaustive),
    ],
)
def test_a_fault_at_each_step(
    world: World, plain_ssm: "SSMClient", fault: Callable[[], object]
) -> None:
    for step in count(1, 2 if fault is throttle else 1):  # what is throttled doesn't happen
        row = plain_secret(world, plain_ssm)
        with pytest.MonkeyPatch.context() as patch:
            use_store(SteppingStore(step, fault), patch)
            try:
                replace_now(world, row)
                break
            except (Killed, OutcomeUnknown, Throttled):
                pass
        if secret_row(world, "MAILER", world.main).claim_id:
            held(world, row)
        expire_leases()
        worker.run_once()
        assert stored_values(world, "MAILER", world.main) == (VALUE, VALUE), step
        assert in_bin() == [], step
        assert open_events() == [], step
        for _ in range(2):
            now = secret_row(world, "MAILER", world.main)
            assert now.claim_id is None, step
            assert now.unencrypted == ("String" in types(world, plain_ssm)), step
            reconcile_now(world)
        assert audit_rows(world, "found.remove") == [], step
    assert step > 14
    assert types(world, plain_ssm) == ["SecureString"] * 2


def held(world: World, row: Secret) -> None:
    """Check that neither reconciling nor a save interferes while it is unfinished."""
    before = in_bin()
    reconcile_now(world)
    [outcome] = save_secrets(world, set_command(row, "other"), by="alice")
    assert outcome.outcome not in {"saved", "removed"}
    assert in_bin() == before


def test_the_lease_expired_and_someone_saves(world: World, plain_ssm: "SSMClient") -> None:
    """Only the background settles it: otherwise the copy would be forgotten."""
    row = plain_secret(world, plain_ssm)
    with pytest.MonkeyPatch.context() as patch:
        use_store(SteppingStore(9, kill), patch)  # the primary is removed
        with pytest.raises(Killed):
            replace_now(world, row)
    expire_leases()
    held(world, row)
    assert len(in_bin()) == 2
    call_command("settle", stdout=StringIO())
    assert stored_values(world, "MAILER", world.main) == (VALUE, VALUE)
    assert in_bin() == []
    actors = [it.actor for it in audit_rows(world, "secret.encrypt")]
    assert actors == ["mia", BACKGROUND.label.partition("@")[0]]


def test_the_background_is_killed_too(world: World, plain_ssm: "SSMClient") -> None:
    for step in count(1):
        row = plain_secret(world, plain_ssm)
        with pytest.MonkeyPatch.context() as patch:
            use_store(SteppingStore(9, kill), patch)
            with pytest.raises(Killed):
                replace_now(world, row)
        expire_leases()
        with pytest.MonkeyPatch.context() as patch:
            use_store(SteppingStore(step, kill), patch)
            try:
                worker.run_once()
                break
            except Killed:
                pass
        expire_leases()
        worker.run_once()
        assert stored_values(world, "MAILER", world.main) == (VALUE, VALUE), step
        assert in_bin() == [], step
    assert step > 6


def test_someone_adds_it_in_between(world: World, plain_ssm: "SSMClient") -> None:
    row = plain_secret(world, plain_ssm, (0,))
    store = InterruptedStore(parameter_store())
    primary = secret_paths(world, "MAILER", world.main)[0]
    with pytest.MonkeyPatch.context() as patch:
        use_store(store, patch)
        store.after("remove", lambda: write_outside(primary, "theirs"))
        with pytest.raises(OutcomeUnknown):
            replace_now(world, row)
        expire_leases()
        worker.run_once()
    assert stored_values(world, "MAILER", world.main)[0] == "theirs"
    assert in_bin() == []


def test_values_stay_out_of_the_database(world: World, plain_ssm: "SSMClient") -> None:
    set_secret(world, "OTHER")
    row = plain_secret(world, plain_ssm)
    replace_now(world, row)
    text = str([*AuditEvent.objects.values()]) + str([*Secret.objects.values()])
    assert VALUE not in text


def write_outside_plain(world: World, ssm: "SSMClient") -> None:
    path = secret_paths(world, "MAILER", world.main)[0]
    ssm.put_parameter(Name=path, Value="newer", Type="String", Overwrite=True)
