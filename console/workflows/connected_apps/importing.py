"""Import apps from Amplify, and connect and disconnect apps.

Only operators do this: an app's id decides which parameters of the store its owner can read. Every
function raises PermissionDenied for others. Those that write also raise ConfirmationRequired and
ValidationError, and those that read Amplify raise AmplifyError.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from console.access import acts
from console.access.actors import Actor
from console.access.policy import require_operator
from console.amplify.base import AmplifyApp
from console.amplify.errors import Rejected
from console.amplify.service import service
from console.amplify.snapshots import Snapshot, read_snapshot
from console.audit.events import (
    Action,
    Target,
    audited_transaction,
    record_denied,
    recording,
)
from console.catalog.services import insert_app
from console.lib.naming.lookalikes import lookalike_marks
from console.lib.naming.names import ALL_BRANCHES, PathProfile, is_amplify_id
from console.lib.text.unprintable import escape_unprintable
from console.models import App, BranchConnection, Connection, User
from console.workflows.connected_apps import branches
from console.workflows.connected_apps.branches import Plan
from console.workflows.connected_apps.refreshing import take_in


@dataclass(frozen=True, slots=True)
class Offer:
    """An app in Amplify. `app` is the one in Branchkeep, if there is one."""

    theirs: AmplifyApp
    app: App | None

    @property
    def is_connected(self) -> bool:
        """Return True if there is nothing to import."""
        return hasattr(self.app, "connection")


@dataclass(frozen=True, slots=True)
class Preview:
    """What importing or connecting an app would do."""

    offer: Offer
    plan: Plan
    snapshot: Snapshot

    @property
    def variables(self) -> int:
        """Return how many variables Amplify holds, of the app and all branches."""
        maps = [self.snapshot.app.variables, *(it.variables for it in self.snapshot.branches)]
        return sum(map(len, maps))


def offers(actor: Actor) -> list[Offer]:
    """Return the account's apps that can be here, by name. One call per 100 apps."""
    require_operator(actor)
    found = [app for app in service().apps() if is_amplify_id(app.app_id)]
    ours = App.objects.select_related("connection").in_bulk(
        [app.app_id for app in found], field_name="app_id"
    )
    found.sort(key=lambda app: (app.name.casefold(), app.app_id))
    every = (Offer(app, ours.get(app.app_id)) for app in found)
    # A standalone backend here may have the ID of an Amplify app as its identifier.
    return [it for it in every if it.app is None or not it.app.is_standalone]


def preview(actor: Actor, app_ids: Collection[str]) -> list[Preview]:
    """Return what importing these apps would do. One call per 50 branches and as for `offers`.

    Leaves out apps that are connected already, and those that Amplify doesn't have.
    """
    chosen = [it for it in offers(actor) if it.theirs.app_id in app_ids and not it.is_connected]
    return [_preview(offer) for offer in chosen]


def preview_connection(actor: Actor, app: App) -> Preview:
    """Return what connecting the app would do. One call for it, and one per 50 branches."""
    require_operator(actor)
    theirs = service().app(app.app_id)
    return _preview(Offer(theirs, app))


def _preview(offer: Offer) -> Preview:
    theirs = offer.theirs
    snapshot = Snapshot(theirs, service().branches(theirs.app_id), timezone.now())
    app = offer.app or App(app_id=theirs.app_id, name=theirs.name)
    plan = branches.plan(app, snapshot)
    marks = lookalike_marks((ALL_BRANCHES, *plan.taken))
    for change in plan.changes:
        change.branch.mark = marks.get(change.branch.name, "")
    return Preview(offer, plan, snapshot)


def import_app(*, actor: Actor, app_id: str, path_profile: str) -> Plan | None:
    """Create an app with what Amplify holds of it, and connect it. An app that exists is connected.

    The actor becomes the owner, or the group that AMPLIFY_OWNER_GROUP names. Returns None if the
    app is connected already, so an import that was interrupted can be repeated.
    """
    _require_operator(actor, Action.APP_IMPORTED, app_id)
    if not is_amplify_id(app_id):
        raise Rejected("Amplify has no such app.")
    if App.objects.filter(app_id=app_id).exists():
        return connect(actor=actor, app_id=app_id)
    snapshot = read_snapshot(service(), app_id)
    target = Target(app_id, subject=snapshot.app.name)
    with recording(actor, Action.APP_IMPORTED, target) as record, transaction.atomic():
        owner = _owner(actor)
        app = _create(owner, app_id, snapshot.app, path_profile)
        _mark_connected(actor, app)
        decided = branches.store(app, snapshot, is_new=True)
        record.detail = f"Owner: {owner}. {decided.in_words() if decided else ''}".strip()
    take_in(app, snapshot, has_new_branches=True)
    return decided


def connect(*, actor: Actor, app_id: str) -> Plan | None:
    """Connect an app that exists. Its members stay as they are.

    Returns None if it is connected already. Raises Http404 if there is no such app.
    """
    _require_operator(actor, Action.APP_CONNECTED, app_id)
    app = _find(app_id)
    if hasattr(app, "connection"):
        return None
    snapshot = read_snapshot(service(), app_id)
    target = Target(app_id, subject=app.name)
    with recording(actor, Action.APP_CONNECTED, target) as record, transaction.atomic():
        _mark_connected(actor, app)
        decided = branches.store(app, snapshot)
        record.detail = decided.in_words() if decided else ""
    take_in(app, snapshot, has_new_branches=True)
    return decided


def disconnect(*, actor: Actor, app_id: str) -> None:
    """Stop exchanging anything with Amplify. Branches, variables and secrets stay."""
    with audited_transaction(actor, Action.APP_DISCONNECTED, Target(app_id)):
        require_operator(actor)
        app = _find(app_id)
        BranchConnection.objects.filter(branch__app=app).delete()
        Connection.objects.filter(app=app).delete()


def _require_operator(actor: Actor, action: Action, app_id: str) -> None:
    """Raise before Amplify is read: PermissionDenied, recorded, or ConfirmationRequired."""
    if not actor.is_operator:
        record_denied(actor, action, Target(app_id))
    require_operator(actor)
    acts.require_recent(actor, action)


def _find(app_id: str) -> App:
    rows = App.objects.exclude(path_profile=PathProfile.STANDALONE).select_related("connection")
    app = rows.filter(app_id=app_id).first() if is_amplify_id(app_id) else None
    if app is None:
        raise Http404("App not found.")
    return app


def _create(owner: User | Group, app_id: str, theirs: AmplifyApp, path_profile: str) -> App:
    fields = {
        "app_id": app_id,
        "name": escape_unprintable(theirs.name, keep=""),
        "repository": escape_unprintable(theirs.repository, keep=""),
        "region": settings.AWS_REGION,
        "path_profile": path_profile,
    }
    return insert_app(fields, owner)


def _owner(actor: Actor) -> User | Group:
    """Return who owns imported apps."""
    if not (name := settings.AMPLIFY_OWNER_GROUP):
        return User.objects.get(pk=actor.user_id or 0)
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise ValidationError(
            f"AMPLIFY_OWNER_GROUP is “{name}”, but there is no such group. Create it in the "
            "admin, or correct the setting."
        )
    return group


def _mark_connected(actor: Actor, app: App) -> None:
    """Connect the app. Refreshing it is due until what was read is taken in."""
    _, is_new = Connection.objects.get_or_create(
        app=app, defaults={"connected_at": timezone.now(), "connected_by": actor.label}
    )
    if not is_new:
        raise ValidationError("This app was connected a moment ago.")
