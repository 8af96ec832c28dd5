"""Dismiss warnings on a key, until what they are about changes, and show them again."""

from collections.abc import Collection

from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import find_app
from console.audit.events import Action, Target, audited_transaction
from console.environment.warnings import WarningKind
from console.models import DismissedWarning
from console.workflows.warnings.finding import of_app


def dismiss(
    *, actor: Actor, app_id: str, noun: str, kind: WarningKind, key: str, about: Collection[str]
) -> bool:
    """Dismiss the warnings that a page showed, those with one of these `about`.

    Return False if none of them exists anymore. The audit trail says who did it. Raises Http404 or
    PermissionDenied.
    """
    access = find_app(actor, app_id)
    found = [it for it in of_app(access, noun, key) if it.first.kind is kind]
    every = {it.about for one in found for it in one.warnings}
    before = {it.about for one in found if one.dismissed for it in one.warnings}
    if not (seen := every & {*about}):
        return False
    target = Target(app_id, subject=key)
    with audited_transaction(actor, Action.WARNING_DISMISSED, target) as record:
        access.require_writer()
        record.detail = kind.label
        DismissedWarning.objects.update_or_create(
            app=access.app,
            noun=noun,
            kind=kind,
            key=key,
            defaults={
                "about": " ".join(sorted(before | seen)),
                "dismissed_at": timezone.now(),
                "dismissed_by": actor.label,
            },
        )
    return True


def show_again(*, actor: Actor, app_id: str, noun: str, kind: WarningKind, key: str) -> bool:
    """Show dismissed warnings again. Return False if there are none."""
    access = find_app(actor, app_id)
    rows = DismissedWarning.objects.filter(app=access.app, noun=noun, kind=kind, key=key)
    if not rows.exists():
        return False
    target = Target(app_id, subject=key)
    with audited_transaction(actor, Action.WARNING_SHOWN, target) as record:
        access.require_writer()
        record.detail = kind.label
        rows.delete()
    return True
