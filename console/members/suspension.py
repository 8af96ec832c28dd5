"""Suspend a user's access after someone else changed how the account signs in.

Otherwise an operator could set an owner's password, sign in as the owner and reveal. A suspended
user is still a member, but no membership gives access (access.policy) until another owner of the
app confirms the user. A user who sees the reason, and proves themselves with what nobody else has,
ends it everywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.http import Http404

from console.access.actors import Actor
from console.access.policy import Permission, find_app
from console.audit.events import Action, Target, recording
from console.members.services import people_of, recording_in_apps
from console.models import App, Suspension, User

Proof = Suspension.Proof
SUSPENDED = "access is suspended until another owner confirms it"


def apps_of(user: User) -> list[str]:
    """Return the ids of a user's apps, direct and through groups, whether suspended or not."""
    found = App.objects.filter(Q(members__user=user) | Q(members__group__user=user))
    return list(found.distinct().order_by("app_id").values_list("app_id", flat=True))


def is_unused(user: User) -> bool:
    """Return True if nobody has ever been able to sign in to the account."""
    return user.last_login is None and not user.has_usable_password()


def suspend(user: User, *, reason: str, proof: Proof) -> None:
    """Suspend the user in every app. If they are suspended already, the stricter proof applies.

    The caller records it, with `recording_change`.
    """
    row, created = Suspension.objects.select_for_update().get_or_create(
        user=user, defaults={"reason": reason, "proof": proof}
    )
    if created:
        return
    row.confirmed.clear()
    row.reason, row.proof = reason, row.proof if proof == row.proof else Proof.OWNERS
    row.save()


def weaken_proof(user: User, lost: Proof) -> None:
    """Note that a password or second factor was replaced through a link, so it proves nothing."""
    Suspension.objects.filter(user=user, proof=lost).update(proof=Proof.OWNERS)


@contextmanager
def recording_change(actor: Actor, action: Action, user: User, what: str) -> Iterator[None]:
    """Record a change of how a user signs in, for the deployment and in each of their apps."""
    with recording_in_apps(actor, action, apps_of(user), [f"{user.email}: {what}"]):
        yield


def confirm(*, actor: Actor, app_id: str, person_id: int) -> User:
    """Let a suspended user use the app again, as another owner of it.

    Raises Http404 if no suspended person of the app has this id.
    """
    access = find_app(actor, app_id)
    user = next((it for it in people_of(access.app) if it.pk == person_id), None)
    if user is None:
        raise Http404("Member not found.")
    with recording(actor, Action.ACCOUNT_CONFIRMED, Target(app_id, subject=user.email)):
        access.require(Permission.MANAGE)
        _confirm(user, access.app)
    return user


def confirm_by_command(*, actor: Actor, app: App, user: User) -> None:
    """Do the same from the command line, for an app whose only owner is suspended."""
    with recording(actor, Action.ACCOUNT_CONFIRMED, Target(app.app_id, subject=user.email)):
        _confirm(user, app)


@transaction.atomic
def _confirm(user: User, app: App) -> None:
    """Confirm the user in one app. After the last one the suspension ends."""
    row = Suspension.objects.select_for_update().filter(user=user).first()
    if row is None or row.confirmed.filter(pk=app.pk).exists():
        raise ValidationError("This person's access is not suspended.")
    row.confirmed.add(app)
    if not set(apps_of(user)) - set(row.confirmed.values_list("app_id", flat=True)):
        row.delete()


def prove(*, actor: Actor, user: User, proof: Proof) -> None:
    """End the user's suspension, at their word, after they have just shown `proof`.

    Signing in alone doesn't end it: the user must first see what someone else has changed. Raises
    ValidationError if this proof doesn't end it.
    """
    what = f"proved by {proof.label}"
    with recording_change(actor, Action.ACCOUNT_CONFIRMED, user, what):
        own = Suspension.objects.filter(user=user, proof=proof).exclude(proof=Proof.OWNERS)
        if not own.delete()[0]:
            raise ValidationError("Ask an owner of each app to confirm you under Members.")


def suspended_people(app: App) -> list[tuple[User, Suspension]]:
    """Return the app's suspended people, by email."""
    people = {person.pk: person for person in people_of(app)}
    rows = Suspension.objects.filter(user__in=people).exclude(confirmed=app)
    return sorted(((people[row.user_id], row) for row in rows), key=lambda it: it[0].email)


def suspension_of(user_id: int | None) -> Suspension | None:
    """Return the user's suspension, if there is one."""
    return Suspension.objects.filter(user_id=user_id or 0).first()
