"""The values of self-managed hosting. The page renders without a store call, then loads rows."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from console.access.actors import from_request
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action
from console.lib.row_forms import field, text
from console.web.htmx import wants_fragment
from console.web.kit import app_context, find_app_to_change, page_with_form
from secrets_app.hosting import values
from secrets_app.hosting.places import REMARKS, Kind, Place, branch_of
from secrets_app.hosting.values import HostingValue
from secrets_app.hosting_paths import code_remark, is_stage
from secrets_app.pages.values import value_context
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Conflict, NotFound, Rejected, StoreError

TEMPLATE = "secrets/hosting.html"
AT_THE_FIELD = (Rejected, Conflict, NotFound)
RESTORED = "It was scheduled for deletion, and was restored first."

_SECTIONS = {
    Kind.CONFIG: ("Configuration", "Plain values, in Parameter Store.", "getConfig"),
    Kind.SECRET: ("Secrets", "Sensitive values, in AWS Secrets Manager.", "getSecret"),
}


@dataclass(frozen=True)
class Row:
    """A value in its stage's group. `overrides` if there is also a shared one."""

    token: str
    key: str
    version: str
    modified: datetime | None
    text: SecretValue | None
    is_removed: bool
    overrides: bool
    may_write: bool
    may_reveal: bool


@dataclass(frozen=True)
class Group:
    """The values of a stage, and the keys of the shared values that it also reads."""

    stage: str
    rows: list[Row]
    shared: list[str]

    @property
    def of_stage(self) -> str:
        """Return the words that tell a key from the same key of another stage."""
        return f" of {self.stage}" if self.stage else ""


@page_with_form
def hosting_values(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show the page, the rows of one kind for the script, or save a value."""
    if request.method == "POST":
        return _save(request, app_id)
    access = find_app(from_request(request), app_id)
    if wants_fragment(request):
        kind = _kind(request.GET.get("kind", ""))
        return render(request, "secrets/hosting_rows.html", _context(access, kind))
    return _page(request, access)


@require_POST
def hosting_reveal(request: HttpRequest, app_id: str) -> HttpResponse:
    """Reveal a value, in a response that is never cached."""
    actor, place = from_request(request), _place(request.POST)
    value = values.get_value(actor=actor, app_id=app_id, place=place)
    context: dict[str, Any] = {**value_context(value, REMARKS[place.kind]), "place": place}
    if wants_fragment(request):
        response = render(request, "secrets/detail.html#value", context)
    else:
        access = find_app(actor, app_id)
        response = render(
            request, "secrets/hosting_value.html", app_context(access, "hosting_values") | context
        )
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def hosting_remove(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Remove a value. The message offers to restore a secret; for configuration, the page asked."""
    place = _place(request.POST)
    access = find_app_to_change(request, app_id, values.REMOVED[place.kind])
    who: dict[str, Any] = {"actor": access.actor, "app_id": app_id}
    try:
        values.remove_value(**who, place=place, expected=field(request.POST, "expected"))
    except AT_THE_FIELD as error:
        return _refuse(request, access, place, error)
    can_undo = place.kind is Kind.SECRET
    return _done(request, access, place, f"Removed {_words(place)}.", can_undo=can_undo)


@require_POST
def hosting_restore(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Restore a secret that is scheduled for deletion."""
    place = _place(request.POST)
    access = find_app_to_change(request, app_id, Action.HOSTING_SECRET_RESTORED)
    try:
        values.restore_secret(actor=access.actor, app_id=app_id, place=place)
    except AT_THE_FIELD as error:
        return _refuse(request, access, place, error)
    return _done(request, access, place, f"Restored {_words(place)}.")


def _save(request: HttpRequest, app_id: str) -> HttpResponseBase:
    place = _place(request.POST)
    access = find_app_to_change(request, app_id, values.CREATED[place.kind])
    value = SecretValue(text(request.POST, "value"))
    try:
        saved = values.set_value(
            actor=access.actor,
            app_id=app_id,
            place=place,
            value=value,
            expected=field(request.POST, "expected"),
        )
    except AT_THE_FIELD as error:
        return _refuse(request, access, place, error)
    sentences = (
        f"Saved {_words(place)}.",
        RESTORED if saved.was_removed else "",
        REMARKS[place.kind].describe(value.reveal()),
        code_remark(place.key),
    )
    return _done(request, access, place, " ".join(filter(None, sentences)))


def _done(
    request: HttpRequest, access: Access, place: Place, sentence: str, *, can_undo: bool = False
) -> HttpResponseBase:
    """Send the rows with a message, or redirect to the page."""
    if not wants_fragment(request):
        messages.success(request, sentence)
        page = reverse("hosting_values", args=[access.app.app_id], query={"load": "1"})
        return redirect(page)
    context = _context(access, place.kind) | {"saved": sentence}
    context["undone"] = _token(place) if can_undo else ""
    return render(request, "secrets/hosting_saved.html", context)


def _refuse(
    request: HttpRequest, access: Access, place: Place, error: StoreError
) -> HttpResponseBase:
    """Show what is wrong at the form. Without JavaScript, show the whole page."""
    if wants_fragment(request):
        context = {"sentence": error.message}
        return render(request, "service_error.html#fragment", context, status=422)
    refused = {"place": place, "sentence": error.message}
    return _page(request, access, refused, status=422)


def _page(
    request: HttpRequest,
    access: Access,
    refused: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    is_loaded = "load" in request.GET or refused is not None
    context = {
        **app_context(access, "hosting_values"),
        "sections": [_context(access, kind, is_loaded=is_loaded) for kind in _SECTIONS],
        "may_add": not access.is_read_only,
        "stages": _stages(access),
        "kept_in_aws": settings.PARAMETER_STORE == "ssm",
        "refused": refused,
    }
    return render(request, TEMPLATE, context, status=status)


def _stages(access: Access) -> list[str]:
    """Return the branches whose names a stage can have, to suggest them."""
    names = [branch.name for branch in access.branches if branch.deleted_at is None]
    return [name for name in names if is_stage(name)]


def _context(access: Access, kind: Kind, *, is_loaded: bool = True) -> dict[str, Any]:
    """Return what the section of one kind needs."""
    title, about, function = _SECTIONS[kind]
    section: dict[str, Any] = {"kind": kind, "title": title, "about": about, "function": function}
    section |= {"app": access.app, "is_loaded": is_loaded, "is_secret": kind is Kind.SECRET}
    if is_loaded and access.app.hosting_project:
        try:
            found = values.list_values(actor=access.actor, app_id=access.app.app_id, kind=kind)
            section["groups"] = _groups(access, found)
        except StoreError as error:
            section["problem"] = error.message
    return section


def _groups(access: Access, found: list[HostingValue]) -> list[Group]:
    """Return the values by stage, the shared ones first."""
    shared = {it.place.key for it in found if not it.place.stage and not it.removed}
    groups = []
    for stage, members in groupby(found, key=lambda it: it.place.stage):
        rows = [_row(access, it, shared) for it in members]
        rest = shared - {row.key for row in rows} if stage else set()
        groups.append(Group(stage, rows, sorted(rest)))
    return groups


def _row(access: Access, it: HostingValue, shared: set[str]) -> Row:
    branch = branch_of(access, it.place.stage)
    return Row(
        token=_token(it.place),
        key=it.place.key,
        version=it.version,
        modified=it.modified,
        text=it.value,
        is_removed=it.removed,
        overrides=bool(it.place.stage) and it.place.key in shared,
        may_write=access.may_on(Permission.WRITE, branch),
        may_reveal=it.value is None and access.may_on(Permission.REVEAL, branch),
    )


def _token(place: Place) -> str:
    return f"{place.kind}/{place.stage}/{place.key}"


def _place(post: QueryDict) -> Place:
    """Return the place that a form names, by a row's token or by the fields of a new value."""
    if "place" in post:
        kind, _, rest = field(post, "place").partition("/")
        stage, _, key = rest.partition("/")
        return Place(_kind(kind), stage, key)
    return Place(
        _kind(field(post, "kind")), field(post, "stage").strip(), field(post, "key").strip()
    )


def _kind(name: str) -> Kind:
    if name not in {*Kind}:
        raise Http404("There is no such kind of value.")
    return Kind(name)


def _words(place: Place) -> str:
    return f"{place.key} (stage {place.stage})" if place.stage else f"{place.key} (shared)"
