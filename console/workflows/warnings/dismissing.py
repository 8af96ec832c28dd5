"""Dismiss warnings on a key, until what they are about changes, and show them again."""

from collections.abc import Collection

from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, find_app
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
    if not (seen := _existing(access, noun, kind, key) & {*about}):
        return False
    target, now = Target(app_id, subject=key), timezone.now()
    with audited_transaction(actor, Action.WARNING_DISMISSED, target) as record:
        access.require_writer()
        record.detail = kind.label
        # Locked, so that what somebody else dismisses at the same moment stays dismissed.
        row, _ = DismissedWarning.objects.select_for_update().get_or_create(
            app=access.app, noun=noun, kind=kind, key=key, defaults={"dismissed_at": now}
        )
        before = {*row.about.split()} & _existing(access, noun, kind, key)
        row.about = " ".join(sorted(before | seen))
        row.dismissed_at, row.dismissed_by = now, actor.label
        row.save()
    return True


def show_again(
    *, actor: Actor, app_id: str, noun: str, kind: WarningKind, key: str, about: Collection[str]
) -> bool:
    """Show the dismissed warnings again that a page showed. Return False if there are none."""
    access = find_app(actor, app_id)
    rows = DismissedWarning.objects.filter(app=access.app, noun=noun, kind=kind, key=key)
    if not any({*row.about.split()} & {*about} for row in rows):
        return False
    target = Target(app_id, subject=key)
    with audited_transaction(actor, Action.WARNING_SHOWN, target) as record:
        access.require_writer()
        record.detail = kind.label
        for row in rows.select_for_update():
            left = {*row.about.split()} & _existing(access, noun, kind, key) - {*about}
            row.about = " ".join(sorted(left))
            row.save() if left else row.delete()
    return True


def _existing(access: Access, noun: str, kind: WarningKind, key: str) -> set[str]:
    """Return what the warnings of this kind on the key are about now."""
    found = of_app(access, noun, key)
    return {it.about for one in found if one.first.kind is kind for it in one.warnings}
