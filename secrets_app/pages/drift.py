"""Drift: what changed outside Branchkeep, and what to do about each."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import retarget

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.audit.change_sets import CHANGES
from console.audit.events import Action
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import field
from console.models import AuditEvent
from console.web.change_sets import change_set_token, undo_address
from console.web.htmx import wants_fragment
from console.web.kit import app_context, branch_id_from
from console.web.repeats import NotAgain, Post, save_once
from secrets_app.drift import decisions
from secrets_app.drift.changes import Drift, changed_outside, with_former_members
from secrets_app.drift.decisions import Decide
from secrets_app.locations import find_secret
from secrets_app.models import Secret
from secrets_app.pages.versions import change_set_from
from secrets_app.projection import kept_by_writes
from secrets_app.store.errors import Conflict, NotFound, Rejected, StoreError
from secrets_app.sync import reconciling
from secrets_app.sync.freshness import freshness_from

PER_PAGE = 50
FILTERS = ("show", "branch", "page")


@require_safe
def drift(request: HttpRequest, app_id: str) -> HttpResponse:
    """List what changed outside Branchkeep, without calling the store."""
    access = find_app(from_request(request), app_id, "revalidation")
    return render(request, "secrets/drift.html", _context(request, access))


@require_POST
def check(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Compare with the store, and send the list if it is another one by now."""
    actor = from_request(request)
    reconciling.reconcile_for_page(actor=actor, app_id=app_id)
    if not wants_fragment(request):
        return _back(request, app_id)
    context = _context(request, find_app(actor, app_id, "revalidation"))
    if context["shown"] == field(request.POST, "shown"):  # so that no button is replaced
        response = render(request, "secrets/drift.html#checked", context)
        return retarget(response, "#drift-checked")
    return render(request, "secrets/drift.html#list", context)


@require_POST
def put_back(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Put a secret back as it was before the change."""
    return _decide(request, app_id, pk, decisions.put_back, decisions.PUT_BACK)


@require_POST
def take(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Take what is there now as the known state."""
    return _decide(request, app_id, pk, decisions.take, decisions.TAKEN)


@require_POST
def ignore(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Dismiss a change until there is another one."""
    return _decide(request, app_id, pk, decisions.ignore, decisions.IGNORED)


def _back(request: HttpRequest, app_id: str) -> HttpResponse:
    """Return to the same page of the list."""
    shown = {name: request.GET[name] for name in FILTERS if name in request.GET}
    return redirect(reverse("drift", args=[app_id], query=shown))


def _context(request: HttpRequest, access: Access) -> dict[str, Any]:
    is_ignored, chosen = request.GET.get("show") == "ignored", branch_id_from(request.GET)
    changed = changed_outside(access)
    if chosen:
        changed = [it for it in changed if it.secret.branch_id == chosen]
    rows = [it for it in changed if it.is_ignored is is_ignored]
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    found = with_former_members(access, [*page.object_list])
    counts = len(rows), len(changed) - len(rows)
    return {
        **app_context(access, "drift"),
        "rows": [
            (it, kept_by_writes(it.secret, is_operator=access.actor.is_operator)) for it in found
        ],
        "has_known": any(it.known_to and it.may_write for it in found),
        "page": page,
        "is_ignored": is_ignored,
        "open": counts[is_ignored],
        "ignored": counts[not is_ignored],
        "branch": next((it for it in access.branches if it.pk == chosen), None),
        "freshness": freshness_from(getattr(access.app, "revalidation", None)),
        "change_set": change_set_token(access, access.app.path_profile),
        "shown": _digest(found),
    }


def _digest(found: Sequence[Drift]) -> str:
    """Return what tells one list from another, so that an equal one isn't sent again."""
    text = " ".join(f"{it.secret.pk} {it.state} {it.times}" for it in found)
    return sha256(text.encode()).hexdigest()[:16]


def _decide(
    request: HttpRequest, app_id: str, pk: int, decide: Decide, words: str
) -> HttpResponseBase:
    """Decide about a change, and say on the list what happened."""
    access = find_app(from_request(request), app_id)
    secret = find_secret(access, pk)
    try:
        change_set = change_set_from(request, access)
        outcome = _decide_once(request, access, pk, decide, change_set)
    except (Conflict, Rejected, NotFound) as error:
        with suppress(StoreError):  # so that the list shows what there is now
            reconciling.refresh(access.app, [secret])
        messages.error(request, f"{secret.key} stays as it is. {error.message}")
    except NotAgain as refusal:
        messages.error(request, refusal.message)
    else:
        _tell(request, access, secret, outcome, words, change_set)
    return _back(request, app_id)


def _decide_once(
    request: HttpRequest, access: Access, pk: int, decide: Decide, change_set: UUID
) -> RowOutcome:
    """Decide, unless this post repeats an earlier one, such as by a double click."""
    state, name = field(request.POST, "state"), decide.__name__

    def save(_: Sequence[RowOutcome]) -> list[RowOutcome]:
        return [decide(access, pk, state, change_set)]

    [outcome] = save_once(Post(change_set, [name, pk, state], {str(pk): name}), save)
    return outcome


def _has_changes(change_set: UUID) -> bool:
    """Return True if the decision wrote something that can be undone."""
    events = AuditEvent.objects.filter(change_set=change_set, action__in=CHANGES)
    return events.exclude(action=Action.SECRET_REMOVED, version_before=0).exists()


def _tell(
    request: HttpRequest,
    access: Access,
    secret: Secret,
    outcome: RowOutcome,
    words: str,
    change_set: UUID,
) -> None:
    if outcome.outcome in DONE:
        undo = undo_address(access, change_set) if _has_changes(change_set) else ""
        text = f"{words.format(secret.key)} {outcome.message}".strip()
        messages.success(request, text, extra_tags=undo)
    elif outcome.outcome is Result.UNKNOWN:
        messages.warning(request, outcome.message)
    else:
        with suppress(StoreError):
            reconciling.refresh(access.app, [secret])
        messages.error(request, f"{secret.key} stays as it is. {outcome.message}")
