"""The page that copies a scope's variables to other scopes, by way of bulk edit's preview."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from console.access.policy import Access
from console.audit.events import Action
from console.lib.documents.json import parse_json
from console.lib.naming.names import ALL_BRANCHES
from console.lib.text.dotenv import BYTE_LIMIT, ENTRY_LIMIT, Refused
from console.models import Branch, scope_name
from console.web.kit import app_context, find_app_for_form, page_with_form
from console.web.lists.listing import writable_scopes
from envvars_app.formats import FORMATS
from envvars_app.pages.bulk import preview_page
from envvars_app.pages.bulk_forms import ALL, BulkForm, scope_of, scopes_of
from envvars_app.variables.bulk import BulkEdit
from envvars_app.variables.queries import effective_values, listed_branches, own_variables

NO_TARGET = "Select at least one destination."
GONE = "These variables no longer exist: {}. Choose again."
TOO_MUCH = (
    f"One copy can take at most {ENTRY_LIMIT:,} variables and {BYTE_LIMIT:,} bytes of names and "
    "values. Select fewer variables, and copy the rest afterwards."
)
NO_TEXT = "These variables can't be copied as text: {}. Clear their checkboxes."


@dataclass(frozen=True)
class CopyForm:
    """The source, whether only its own values, the keys (empty means all) and the targets."""

    source: str
    only_own: bool
    keys: frozenset[str]
    targets: tuple[str, ...]

    @classmethod
    def of(cls, parameters: QueryDict) -> "CopyForm":
        """Read a query string or a POST."""
        return cls(
            source=str(parameters.get("from", ALL)),
            only_own=parameters.get("values") == "own",
            keys=frozenset(map(str, parameters.getlist("key"))),
            targets=tuple(dict.fromkeys(map(str, parameters.getlist("scope")))),
        )


@page_with_form
def copy(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show the form. A POST shows the preview of what the copy would change."""
    access = find_app_for_form(request, app_id, Action.VARIABLE_CHANGED)
    branches = listed_branches(access)
    form = CopyForm.of(request.POST if request.method == "POST" else request.GET)
    values = _values(access, form, branches)
    if request.method != "POST":
        return _page(request, access, branches, form, values)
    targets = scopes_of(form.targets, branches)
    try:
        edit = BulkEdit(_selected_values(form, values), targets)
        # The preview is a page of bulk edit and posts the values back as text. Only JSON holds all.
        bulk_form = BulkForm(_as_json(edit), "json", scopes=form.targets, several=True)
        return preview_page(request, access, branches, bulk_form, edit)
    except (Refused, ValidationError) as refusal:
        message = " ".join(getattr(refusal, "messages", [str(refusal)]))
        return _page(request, access, branches, form, values, message)


def _values(access: Access, form: CopyForm, branches: list[Branch]) -> dict[str, str]:
    source = scope_of(form.source, branches)
    if form.only_own:
        return {key: row.value for key, row in own_variables(access, source).items()}
    return effective_values(access, source)


def _selected_values(form: CopyForm, values: dict[str, str]) -> dict[str, str]:
    if not form.targets:
        raise ValidationError(NO_TARGET)
    if missing := sorted(form.keys - values.keys()):
        raise ValidationError(GONE.format(", ".join(missing)))
    return {key: value for key, value in values.items() if not form.keys or key in form.keys}


def _as_json(edit: BulkEdit) -> str:
    rendered = FORMATS["json"].render(edit.values)
    if rendered.left_out:
        raise ValidationError(NO_TEXT.format(", ".join(rendered.left_out)))
    if not _fits(rendered.text):
        raise ValidationError(TOO_MUCH)
    return rendered.text


def _fits(text: str) -> bool:
    """Return True if bulk edit's preview, which carries the text, will accept it."""
    try:
        parse_json(text)
    except Refused:
        return False
    return True


def _page(
    request: HttpRequest,
    access: Access,
    branches: list[Branch],
    form: CopyForm,
    values: dict[str, str],
    problem: str = "",
) -> HttpResponse:
    context: dict[str, Any] = {
        **app_context(access, "variables"),
        "choice": form,
        "source_name": scope_name(scope_of(form.source, branches)),
        "sources": [(ALL, ALL_BRANCHES), *((str(b.pk), b.label) for b in branches)],
        "targets": [one for one in writable_scopes(access, branches) if one[0] != form.source],
        "keys": list(values),
        "all_fit": _fits(FORMATS["json"].render(values).text),
        "problem": problem,
    }
    return render(request, "variables/copy.html", context, status=422 if problem else 200)
