"""The page of a change set: what one save wrote, and Undo.

The preview of the undo is computed when the page is shown and again when it is posted. Like the
removal of a branch's values, one response undoes a part and its form goes on with the rest.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.audit.change_sets import title_of
from console.audit.events import Action
from console.environment.undo import Effect, UndoRow, UndoState
from console.lib.results import DONE, RowOutcome
from console.lib.row_forms import field
from console.web.change_sets import change_set_of, change_set_token, undo_address
from console.web.htmx import wants_fragment
from console.web.kit import app_context, find_app_to_change, page_with_form
from console.web.lists.listing import posted_filter
from console.web.lists.takes_effect import Offer, offer_after
from console.web.repeats import NotAgain, Post, save_once
from console.workflows import change_sets
from console.workflows.change_sets import Change, ChangeSet
from console.workflows.undoing import undo

PATIENCE = timedelta(seconds=5)  # for one response without scripts
MAX_MESSAGES = 5
NOT_YET = "Nothing is undone yet. Read below who knows what would come back."
_EFFECTS = {  # of one, and of several
    Effect.BACK: ("goes back to the version before", "go back to the version before"),
    Effect.REMOVED: ("is removed", "are removed"),
    Effect.ADDED: ("is added again", "are added again"),
}
_QUIET = {
    UndoState.UNDONE: "undone before",
    UndoState.NOTHING: "never written, so there is nothing to undo",
}
_REASONS = {
    UndoState.CHANGED_SINCE: ", because they changed since.",
    UndoState.DENIED: ", because your role does not allow changes there.",
    UndoState.IMPOSSIBLE: ". The table says why.",
}
_LISTS = {"drift", "secrets", "variables"}  # where the toast that offers Undo is shown


class Line(NamedTuple):
    """A line of the preview of an undo. `at` is the time that ends it, if any."""

    icon: str
    text: str
    at: datetime | None = None


@page_with_form
def change_set(request: HttpRequest, app_id: str, change_set: uuid.UUID) -> HttpResponseBase:
    """Show a change set, or undo it."""
    if request.method == "POST":
        access = find_app_to_change(request, app_id, Action.CHANGES_UNDONE)
        return _undo(request, access, change_sets.find(access, change_set))
    access = find_app(from_request(request), app_id)
    return _page(request, access, change_sets.find(access, change_set))


def _undo(request: HttpRequest, access: Access, found: ChangeSet) -> HttpResponseBase:
    posted = set(field(request.POST, "rows").split())  # one field, because there is a limit
    tokens = [change.undo.token for change in found.changes if change.undo]
    ready = [row.token for row in found.ready]
    if "back" in request.POST and any(row.known_to for row in found.ready):
        messages.warning(request, NOT_YET)  # the message that offered Undo could not say it
        return _redirect(request, undo_address(access, found.id))
    chosen = [token for token in tokens if token in posted] if posted else ready
    new = change_set_of(field(request.POST, "change_set"), access, _purpose(found)) or uuid.uuid4()
    try:
        outcomes = _undo_once(request, access, found, new, chosen)
    except NotAgain as refusal:
        messages.error(request, refusal.message)
        return _redirect(request, undo_address(access, found.id))
    tried = {outcome.token for outcome in outcomes}
    left = [token for token in chosen if token not in tried]
    failed = [outcome for outcome in outcomes if outcome.outcome not in DONE]
    done = _number(request, "done") + len(outcomes) - len(failed)
    failures = _number(request, "failed") + len(failed)
    if left:
        context = {"done": done, "failed": failures, "total": done + failures + len(left)}
        token = field(request.POST, "change_set")
        return _page(request, access, found, token, left=left, **context)
    return _finish(request, access, found, new, done, failures, failed)


def _undo_once(
    request: HttpRequest, access: Access, found: ChangeSet, new: uuid.UUID, chosen: Sequence[str]
) -> list[RowOutcome]:
    """Undo, unless this post repeats an earlier one, such as by a double click."""
    until = monotonic() + (0 if wants_fragment(request) else PATIENCE.total_seconds())

    def undo_rest(done: Sequence[RowOutcome]) -> list[RowOutcome]:
        known = {outcome.token for outcome in done}
        rest = [token for token in chosen if token not in known]
        tried = undo(access, found.id, rest, new, may_go_on=lambda: monotonic() < until)
        return [*done, *tried]

    rows = (change.undo for change in found.changes if change.undo)
    about = [found.id.hex, field(request.POST, "rows")]
    return save_once(Post(new, about, {row.token: "" for row in rows}), undo_rest)


def _finish(
    request: HttpRequest,
    access: Access,
    found: ChangeSet,
    new: uuid.UUID,
    done: int,
    failures: int,
    failed: Sequence[RowOutcome],
) -> HttpResponseBase:
    if done and not failures:
        back = field(request.POST, "back")
        if back not in _LISTS:
            messages.success(request, _undone(found, done))
            return _redirect(request, undo_address(access, new))
        messages.success(request, _undone(found, done), extra_tags=undo_address(access, new))
        address = reverse(back, args=[access.app.app_id]) + posted_filter(request.POST)
        return _redirect(request, address)
    names = {change.undo.token: change.key for change in found.changes if change.undo}
    for outcome in failed[:MAX_MESSAGES]:
        messages.error(request, f"{names[outcome.token]}: {outcome.message}")
    total = done + failures
    some = f"Undid {done} of {total} changes." if total else "Nothing was undone."
    messages.warning(request, f"{some} The table says why.")
    return _redirect(request, undo_address(access, found.id))


def _undone(found: ChangeSet, done: int) -> str:
    keys = {change.key for change in found.changes}
    if len(keys) == 1 and done == 1:
        return f"Undid the change of {keys.pop()}."
    return f"Undid {done} change{pluralize(done)}."


def _redirect(request: HttpRequest, address: str) -> HttpResponseBase:
    return HttpResponseClientRedirect(address) if wants_fragment(request) else redirect(address)


def _number(request: HttpRequest, name: str) -> int:
    text = field(request.POST, name)
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def _purpose(found: ChangeSet) -> str:
    return f"undo {found.id.hex}"


def _page(
    request: HttpRequest, access: Access, found: ChangeSet, new: str = "", **context: Any
) -> HttpResponse:
    known = [row for row in found.ready if row.known_to]
    context |= {
        **app_context(access, "activity"),
        "found": found,
        "id": str(found.id),
        "title": title_of(len(found.changes), found.scopes),
        "lines": list(_preview(found.changes)),
        "known": known,
        "people": sorted({name for row in known for name in row.known_to}),
        "ready": len(found.ready),
        "tokens": [row.token for row in found.ready],
        "may_undo": not access.is_read_only,
        "offers": _offers(access, found),
        "ends": Counter(change.outcome_label for change in found.changes).items(),
        "change_set": new or change_set_token(access, _purpose(found)),
    }
    part = "#undo" if wants_fragment(request) else ""
    return render(request, f"console/change_set.html{part}", context)


def _offers(access: Access, found: ChangeSet) -> list[Offer]:
    """Return what the changes need to take effect, in a connected app."""
    nouns = dict.fromkeys(change.noun for change in found.changes)
    offers = (offer_after(access, noun, found.id) for noun in nouns)
    return [offer for offer in offers if offer]


def _preview(changes: Sequence[Change]) -> Iterator[Line]:
    """Yield what Undo does, and what stays for which reason."""
    by_kind: dict[tuple[Effect | UndoState, str], list[UndoRow]] = {}
    for change in changes:
        if row := change.undo:
            by_kind.setdefault((row.effect or row.state, change.noun), []).append(row)
    # What is undone comes first.
    for (kind, noun), rows in sorted(by_kind.items(), key=lambda it: it[0][0] not in _EFFECTS):
        some = f"{len(rows)} {noun}{pluralize(len(rows))}"
        if isinstance(kind, Effect):
            yield Line("undo", f"{some} {_EFFECTS[kind][len(rows) > 1]}.")
        else:
            yield _staying(kind, some, rows)


def _staying(state: UndoState, some: str, rows: Sequence[UndoRow]) -> Line:
    is_one = len(rows) == 1
    if state in _QUIET:
        return Line("info", f"{some} {'was' if is_one else 'were'} {_QUIET[state]}.")
    stays = f"{some} stays as it is" if is_one else f"{some} stay as they are"
    if is_one and state is UndoState.CHANGED_SINCE and rows[0].at:
        return Line("warn", f"{stays}, because {rows[0].message}", rows[0].at)
    if is_one:
        return Line("warn", f"{stays}: {rows[0].message.rstrip('.')}.")
    return Line("warn", f"{stays}{_REASONS[state]}")
