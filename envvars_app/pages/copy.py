"""Copying a scope's variables to other scopes: choose here, then the preview of bulk edit."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.lib.dotenv import BYTE_LIMIT, ENTRY_LIMIT, Refused
from console.lib.names import ALL_BRANCHES
from console.models import Branch, scope_name
from console.web.kit import app_context, page_with_form
from console.web.listing import writable
from envvars_app.formats import FORMATS, parse_json
from envvars_app.pages.bulk import preview_page
from envvars_app.pages.bulk_forms import ALL, Sheet, scope_of, scopes_of
from envvars_app.variables.bulk import Asked
from envvars_app.variables.queries import branches_of, effective, own

NO_TARGET = "Select at least one destination."
GONE = "These variables no longer exist: {}. Choose again."
TOO_MUCH = (
    f"One copy can take at most {ENTRY_LIMIT:,} variables and {BYTE_LIMIT:,} bytes of names and "
    "values. Select fewer variables, and copy the rest afterwards."
)
NO_TEXT = "These variables can't be copied as text: {}. Clear their checkboxes."


@dataclass(frozen=True)
class Choice:
    """What the page asks for: where from, which values, which keys (none: all), where to."""

    source: str
    only_own: bool
    keys: frozenset[str]
    targets: tuple[str, ...]

    @classmethod
    def of(cls, parameters: QueryDict) -> "Choice":
        """Read a query string or a post."""
        return cls(
            source=str(parameters.get("from", ALL)),
            only_own=parameters.get("values") == "own",
            keys=frozenset(map(str, parameters.getlist("key"))),
            targets=tuple(dict.fromkeys(map(str, parameters.getlist("scope")))),
        )


@page_with_form
def copy(request: HttpRequest, app_id: str) -> HttpResponse:
    """Choose variables and where they go; a post answers with what it would change."""
    access = find_app(from_request(request), app_id)
    branches = branches_of(access)
    choice = Choice.of(request.POST if request.method == "POST" else request.GET)
    values = _values(access, choice, branches)
    if request.method != "POST":
        return _page(request, access, branches, choice, values)
    targets = scopes_of(choice.targets, branches)
    try:
        asked = Asked(_chosen(choice, values), targets)
        sheet = Sheet(_text(asked), "json", scopes=choice.targets, several=True)
        return preview_page(request, access, branches, sheet, asked)
    except (Refused, ValidationError) as refusal:
        message = " ".join(getattr(refusal, "messages", [str(refusal)]))
        return _page(request, access, branches, choice, values, message)


def _values(access: Access, choice: Choice, branches: list[Branch]) -> dict[str, str]:
    source = scope_of(choice.source, branches)
    if choice.only_own:
        return {key: row.value for key, row in own(access, source).items()}
    return effective(access, source)


def _chosen(choice: Choice, values: dict[str, str]) -> dict[str, str]:
    if not choice.targets:
        raise ValidationError(NO_TARGET)
    if gone := sorted(choice.keys - values.keys()):
        raise ValidationError(GONE.format(", ".join(gone)))
    return {key: value for key, value in values.items() if not choice.keys or key in choice.keys}


def _text(asked: Asked) -> str:
    rendered = FORMATS["json"].render(asked.values)
    if rendered.left_out:
        raise ValidationError(NO_TEXT.format(", ".join(rendered.left_out)))
    if not _fits(rendered.text):
        raise ValidationError(TOO_MUCH)
    return rendered.text


def _fits(text: str) -> bool:
    """Say whether a text comes back from the preview, which has the limits of bulk edit."""
    try:
        parse_json(text)
    except Refused:
        return False
    return True


def _page(
    request: HttpRequest,
    access: Access,
    branches: list[Branch],
    choice: Choice,
    values: dict[str, str],
    problem: str = "",
) -> HttpResponse:
    context: dict[str, Any] = {
        **app_context(access, "variables"),
        "choice": choice,
        "source_name": scope_name(scope_of(choice.source, branches)),
        "sources": [(ALL, ALL_BRANCHES), *((str(b.pk), b.name) for b in branches)],
        "targets": [one for one in writable(access, branches) if one[0] != choice.source],
        "keys": list(values),
        "all_fit": _fits(FORMATS["json"].render(values).text),
        "problem": problem,
    }
    return render(request, "variables/copy.html", context, status=422 if problem else 200)
