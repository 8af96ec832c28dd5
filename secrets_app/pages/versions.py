"""The versions of a secret on its page: the list, a comparison of two, and a restore."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.access.policy import Access, Permission, find_app
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import field, known_base
from console.lib.row_forms import version as parse_version
from console.web.change_sets import change_set_of, change_set_token, undo_address
from console.web.htmx import wants_fragment
from console.web.lists.listing import posted_filter
from console.web.repeats import NotAgain, Post, save_once
from secrets_app.history.comparing import compare as compare_versions
from secrets_app.history.restoring import restore as restore_version
from secrets_app.history.versions import list_versions
from secrets_app.locations import find_secret
from secrets_app.pages.detail import show
from secrets_app.store.errors import NotFound, Rejected, StoreError
from secrets_app.store.limits import VERSIONS_KEPT
from secrets_app.sync.reconciling import refresh

STALE = "The app's path profile changed after you opened this page. Nothing was changed."


@require_safe
def versions(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Show the versions that the store keeps: the card alone, or the whole page."""
    access = find_app(from_request(request), app_id)
    context = _list(access, pk)
    if wants_fragment(request):
        return render(request, "secrets/versions.html", {"app": access.app, **context})
    return show(request, access, pk, context)


def _list(access: Access, pk: int) -> dict[str, Any]:
    secret = find_secret(access, pk)
    context: dict[str, Any] = {
        "pk": pk,
        "is_listed": True,
        "kept": VERSIONS_KEPT,
        "may_compare": access.may_on(Permission.REVEAL, secret.branch),
        "may_restore": access.may_on(Permission.WRITE, secret.branch),
        "guarded": access.decide(Permission.REVEAL, secret.branch).is_protected,
        "change_set": change_set_token(access, access.app.path_profile),
    }
    try:
        found = list_versions(actor=access.actor, app_id=access.app.app_id, pk=pk)
    except StoreError as error:
        return {**context, "problem": error.message}
    return {**context, "versions": found}


@require_POST
def compare(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Show in what two versions differ, without their values."""
    access = find_app(from_request(request), app_id)
    chosen = {parse_version(number) for number in request.POST.getlist("version")}
    try:
        found = compare_versions(actor=access.actor, app_id=app_id, pk=pk, versions=chosen)
    except (Rejected, NotFound) as error:
        context = {**_list_chosen(access, pk, chosen), "refusal": error.message}
        return _uncached(show(request, access, pk, context, status=422))
    context = {**_list_chosen(access, pk, chosen), "comparison": found}
    return _uncached(show(request, access, pk, context))


def _list_chosen(access: Access, pk: int, chosen: set[int]) -> dict[str, Any]:
    """Return the list with the chosen versions checked, and the keys that encrypt them."""
    context = {**_list(access, pk), "chosen": chosen}
    if found := context.get("versions"):
        context["shows_older"] = any(row.number in chosen for row in found.older)
        rows = (row for row in reversed(found.rows) if row.number in chosen)
        context["keys"] = [row.key for row in rows if row.key]
    return context


def _uncached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def restore(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Restore a version at once, and say what happened where that was asked for."""
    access = find_app(from_request(request), app_id)
    secret = find_secret(access, pk)
    number = parse_version(field(request.POST, "version"))
    try:
        change_set = change_set_from(request, access)
        outcome = _restore_once(request, access, pk, number, change_set)
    except (Rejected, NotFound) as error:
        messages.error(request, f"Not restored. {error.message}")
    except NotAgain as refusal:
        messages.error(request, refusal.message)
    else:
        if outcome.outcome in DONE:
            sentence = (
                f"Version {number} of {secret.key} is restored, as version {outcome.version}."
            )
            text = f"{sentence} {outcome.message}".strip()
            messages.success(request, text, extra_tags=undo_address(access, change_set))
        elif outcome.outcome is Result.UNKNOWN:
            messages.warning(request, outcome.message)
        else:
            with suppress(StoreError):  # so that the page shows the current version
                refresh(access.app, [secret])
            messages.error(request, f"Version {number} was not restored. {outcome.message}")
    if field(request.POST, "back") == "secrets":
        return redirect(reverse("secrets", args=[app_id]) + posted_filter(request.POST))
    return redirect("secret_detail", app_id=app_id, pk=pk)


def change_set_from(request: HttpRequest, access: Access) -> uuid.UUID:
    """Return the posted change set, or a new one. Raises Rejected for an outdated page."""
    token = field(request.POST, "change_set")
    change_set = change_set_of(token, access, access.app.path_profile)
    if token and change_set is None:
        raise Rejected(STALE)
    return change_set or uuid.uuid4()


def _restore_once(
    request: HttpRequest, access: Access, pk: int, number: int, change_set: uuid.UUID
) -> RowOutcome:
    """Restore, unless this post repeats an earlier one, such as by a double click."""
    base = known_base(field(request.POST, "base"))

    def save(_: Sequence[RowOutcome]) -> list[RowOutcome]:
        return [
            restore_version(
                actor=access.actor,
                app_id=access.app.app_id,
                pk=pk,
                version=number,
                base=base,
                change_set=change_set,
            )
        ]

    [outcome] = save_once(Post(change_set, [pk, base], {str(pk): number}), save)
    return outcome
