"""Reconciling: compare what the parameter store holds of an app with the projection.

A pass lists the app's parameters and decrypts nothing. It runs at most once per 15 seconds and app,
in one process at a time, and compares only when the listing is complete: a part of one would look
as if the rest had been removed. A visitor's request waits for a small listing only; the background
runs the others (`sync.worker`).
"""

from collections.abc import Collection, Iterator

from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import find_app
from console.models import App
from secrets_app.locations import prefixes_of
from secrets_app.models import Revalidation, Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter, ParameterStore
from secrets_app.store.errors import StoreError
from secrets_app.store.limits import BATCH
from secrets_app.sync import applying, listing, turns, unknown
from secrets_app.sync.folders import own
from secrets_app.sync.freshness import Freshness, freshness
from secrets_app.sync.listing import Kind, Remote
from secrets_app.sync.turns import Turn, TurnLost
from secrets_app.writes import leases

REQUEST_CALLS = 10  # for a listing in a visitor's request, and as many to ask by name
PAGE = 50  # parameters per call, at most


class TooLarge(Exception):
    """The pass needs more calls than a request may wait for."""


def reconcile(*, actor: Actor, app_id: str) -> Freshness:
    """Reconcile an app, unless it was done within MIN_INTERVAL. Return how current it is.

    For commands, which can wait for a listing of any size, also one that a page has just left to
    the background. A store that doesn't answer raises nothing: the list still works, marked with
    its age.
    """
    app = find_app(actor, app_id).app
    if turn := turns.take_if_due(app) or turns.take_waiting(app):
        _run(turn)
    return freshness(app)


def reconcile_for_page(*, actor: Actor, app_id: str) -> Freshness:
    """Do the same, but leave it to the background if it takes more than REQUEST_CALLS calls."""
    app = find_app(actor, app_id).app
    if turn := turns.take_if_due(app):
        _run(turn, max_calls=REQUEST_CALLS)
    return freshness(app)


def reconcile_now(app: App, max_calls: int | None = None) -> bool:
    """Reconcile an app, even if that was done a moment ago. Raises no StoreError.

    Leaves what takes more than `max_calls` calls to the background. Returns False without doing
    anything while another pass is running.
    """
    turn = turns.take(app)
    if turn:
        _run(turn, max_calls)
    return turn is not None


def refresh(app: App, secrets: Collection[Secret]) -> None:
    """Bring these rows up to date, and settle their open writes, by asking for them by name.

    Raises StoreError.
    """
    found = Secret.objects.filter(pk__in=[secret.pk for secret in secrets])
    rows = _idle(list(found.select_related("branch", "claim")))
    remote: Remote = {}
    keys = [(row.branch_id, row.key) for row in rows]
    listing.verify_by_name(app, parameter_store(), remote, keys, advance=lambda: None)
    applying.update_rows(app, rows, remote, _kind_of_pass(app))


def _run(turn: Turn, max_calls: int | None = None) -> None:
    """Run a pass, and record how it ended."""
    try:
        try:
            _reconcile(turn, parameter_store(), _kind_of_pass(turn.app), max_calls)
        except TooLarge:
            turn.leave_to_background()
        except StoreError as error:
            turn.fail(error.message)
        else:
            turn.succeed()
    except TurnLost:
        pass  # the process that has the turn now records how its pass ends


def _kind_of_pass(app: App) -> Kind:
    last = Revalidation.objects.filter(app=app).exclude(agreed_at=None).first()
    if last is None:
        return Kind.FIRST
    return Kind.REPEATED if last.path_profile in {"", app.path_profile} else Kind.PATHS_CHANGED


def _reconcile(turn: Turn, store: ParameterStore, kind: Kind, max_calls: int | None) -> None:
    app = turn.app
    prefixes, folders = prefixes_of(app), listing.folders_of(app)
    stamps = store.stamps(prefixes) if kind is Kind.REPEATED else None
    if stamps is not None:
        remote, rows, strays = listing.differences(app, stamps, folders)
    else:
        listed = list(_list(turn, store, prefixes, max_calls))
        remote, strays = listing.group_by_key(listed, folders), listing.outside(listed, folders)
        rows = list(Secret.objects.filter(app=app).select_related("branch", "claim"))
    idle = _idle(rows)
    known = {(row.branch_id, row.key) for row in rows}
    strays += listing.take_gen1(remote, rows, kind)
    new = [scoped_key for scoped_key in remote if scoped_key not in known]
    keys = listing.keys_to_verify(idle, remote, new, kind)
    if max_calls is not None and 2 * len(keys) > max_calls * BATCH:  # with their mirrors
        raise TooLarge
    listing.verify_by_name(app, store, remote, keys, turn.advance)
    before = unknown.record(app, store, own(app, strays))
    applying.update_rows(app, idle, remote, kind)
    if added := {scoped_key: remote[scoped_key] for scoped_key in new if scoped_key in remote}:
        applying.add_rows(app, added, kind, before)


def _list(
    turn: Turn, store: ParameterStore, prefixes: tuple[str, ...], max_calls: int | None
) -> Iterator[Parameter]:
    """Yield the app's parameters. Raises TooLarge if that takes `max_calls` calls or more."""
    expected, listed = turn.expect(), 0
    if max_calls is not None and expected >= max_calls * PAGE:
        raise TooLarge  # without a call
    for calls, page in enumerate(store.pages(prefixes), 1):
        listed += len(page)
        turn.advance(len(page))
        yield from page
        if max_calls is not None and (calls == max_calls or listed >= max_calls * PAGE):
            raise TooLarge


def _idle(rows: list[Secret]) -> list[Secret]:
    """Leave out leased rows: they belong to their writer, who records what the store answered.

    Those of interrupted replacements belong to the background, which finishes them.
    """
    now = timezone.now()
    free = [row for row in rows if not leases.is_running(row.claimed_until, now)]
    return [row for row in free if not leases.is_replacing(row)]
