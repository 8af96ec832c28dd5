"""What happens to a secret's value, and where it is known afterwards."""

import uuid

from django.test import Client
from django.urls import reverse

from console.access.policy import find_app
from console.catalog import services
from console.environment.sources import source_of
from console.lib.naming.names import PathProfile
from console.members import exposure
from console.models import AuditEvent, Branch, User, scope_name
from console.workflows import copying, undoing
from console.workflows.copying import Value
from secrets_app.history import bin_actions
from secrets_app.history.restoring import restore
from secrets_app.models import Secret
from secrets_app.recycle_bin import kept
from secrets_app.reveal import reveal
from tests.factories import delete_secret, reconcile_now, secret_row
from tests.fixtures.people import World

KEY = "API_KEY"


def copied(world: World, origin: Branch | None, *to: Branch | None, by: str = "alice") -> uuid.UUID:
    """Copy the secret to other scopes, as Compare does."""
    access, change_set = find_app(world.actor(by), "d1shop"), uuid.uuid4()
    value = Value(source_of("secret"), KEY, secret_row(world, KEY, origin).pk, origin)
    rows = {row.branch_id: row for row in Secret.objects.filter(app=world.app, key=KEY)}
    targets = [
        copying.Target(str(scope), value, pk, rows[pk].version if pk in rows else 0, None)
        for scope in to
        for pk in [scope.pk if scope else None]
    ]
    outcomes = copying.copy(access, targets, change_set, may_go_on=lambda: True)
    assert {it.outcome for it in outcomes} <= {"saved", "unknown"}, outcomes
    return change_set


def revealed(
    world: World, branch: Branch | None, *, by: str = "bob", version: int | None = None
) -> None:
    pk = secret_row(world, KEY, branch).pk
    reveal(actor=world.actor(by), app_id="d1shop", pk=pk, version=version)


def removed(world: World, branch: Branch | None) -> None:
    delete_secret(world, KEY, branch)


def from_bin(world: World, scope: str, to: Branch | None, number: int = -1) -> None:
    """Restore what was removed from a scope, the last of it unless a number is given."""
    entry = [it for it in kept(world.app).order_by("pk") if it.scope == scope][number]
    there = Secret.objects.filter(app=world.app, branch=to, key=KEY).first()
    access = find_app(world.actor("alice"), "d1shop")
    base = (there.version if there else 0, None)
    assert bin_actions.restore(access, entry, uuid.uuid4(), to=to, base=base).outcome == "saved"


def version_restored(world: World, branch: Branch | None, version: int) -> None:
    row = secret_row(world, KEY, branch)
    outcome = restore(
        actor=world.actor("alice"),
        app_id="d1shop",
        pk=row.pk,
        version=version,
        base=(row.version, None),
        change_set=uuid.uuid4(),
    )
    assert outcome.outcome == "saved"


def undone(world: World, change_set: uuid.UUID) -> uuid.UUID:
    access, new = find_app(world.actor("alice"), "d1shop"), uuid.uuid4()
    source, before = source_of("secret"), AuditEvent.objects.filter(subject=str(change_set))
    earlier = [event.change_set for event in before if event.change_set]
    tokens = [row.token for row in source.undo_plan(access, change_set, earlier)]
    outcomes = undoing.undo(access, change_set, tokens, new, may_go_on=lambda: True)
    assert {it.outcome for it in outcomes} <= {"saved", "removed"}, outcomes
    return new


def last_change_set(world: World) -> uuid.UUID:
    change_set = AuditEvent.objects.filter(change_set__isnull=False).latest("pk").change_set
    assert change_set
    return change_set


def rotate(world: World, person: User, *branches: Branch | None) -> None:
    """Mark the secret as rotated, in some scopes or all."""
    names = {scope_name(branch) for branch in branches}
    found = exposure.exposed_secrets(person.pk, "d1shop")
    entries = [it.token for it in found if not names or it.branch in names]
    exposure.mark_rotated(
        actor=world.actor("alice"), person=person, entries=entries, app_id="d1shop"
    )


def known(person: User, *, is_rotated: bool = False) -> set[str]:
    """Return the scopes in which the person knows the secret."""
    found = exposure.exposed_secrets(person.pk, "d1shop")
    return {it.branch for it in found if it.is_rotated == is_rotated}


def known_versions(world: World, branch: Branch | None) -> dict[int, list[str]]:
    """Return who left and knows which version, as the secret's page says."""
    client, row = Client(), secret_row(world, KEY, branch)
    client.force_login(world.person("alice"))
    page = client.get(reverse("secret_versions", args=["d1shop", row.pk]))
    return {it.number: [*it.known_to] for it in page.context["versions"].rows if it.known_to}


def switch_profile(world: World, profile: PathProfile) -> None:
    services.change_app(
        actor=world.actor("alice"), app_id="d1shop", fields={"path_profile": profile}
    )
    world.app.refresh_from_db()
    reconcile_now(world)
