"""The search: a page, and its results as a fragment for the palette."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from console.access.actors import from_request
from console.lib.text.matching import rank_of
from console.pages.apps.forms import SearchForm
from console.pages.search.actions import Person, actions, adding, on_results, pages
from console.pages.search.items import Item, app_item, branch_item, key_item
from console.web.htmx import wants_fragment
from console.workflows.search import Found, search

IN_PALETTE, ON_PAGE = 6, 50  # results of each kind


@dataclass(frozen=True)
class Group:
    """Results of one kind."""

    name: str
    items: list[Item]


@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    """Show what a search finds: `q`, made on a page of the app `app`."""
    actor = from_request(request)
    text = SearchForm(request.GET).text()
    is_fragment = wants_fragment(request)
    limit = IN_PALETTE if is_fragment else ON_PAGE
    found = search(actor=actor, text=text, app_id=request.GET.get("app", ""), limit=limit)
    person = Person(actor.is_operator, settings.PASSWORD_SIGN_IN, settings.MAIL)
    add = list(adding(found, text))
    groups = _groups(found, text, person, add, limit)
    if is_fragment and found.is_cut:
        all_of_them = reverse("search", query={"q": text, "app": request.GET.get("app", "")})
        groups.append(Group("More", [Item("All results", all_of_them, "search")]))
    context = {
        "q": text,
        "app": found.here.app if found.here else None,  # for the next search
        "is_cut": found.is_cut,
        "groups": groups,
        "count": sum(len(group.items) for group in groups),
        "has_match": any(item not in add for group in groups for item in group.items),
    }
    return render(request, f"console/search.html{'#results' if is_fragment else ''}", context)


def _groups(found: Found, text: str, person: Person, add: list[Item], limit: int) -> list[Group]:
    fitting = _fitting(actions(found.here, person), text)[: limit if text else None]
    groups = (
        Group("Keys", [key_item(it, found.here) for it in found.keys]),
        Group("Branches", [branch_item(*it, found) for it in found.branches]),
        Group("Pages", _fitting(pages(found.here, person), text)),
        Group("Actions", [*on_results(found), *fitting, *add]),
        Group("Apps", [app_item(access) for access in found.apps]),
    )
    return [group for group in groups if group.items]


def _fitting(items: Iterable[Item], text: str) -> list[Item]:
    """Return the items whose label contains the text, best first."""
    ranked = [(fit, it) for it in items if (fit := rank_of(it.label, text)) is not None]
    return [it for _, it in sorted(ranked, key=lambda pair: pair[0] if text else 0)]
