"""An app's Overview: is anything wrong, and what changed?"""

from time import monotonic
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.audit.events import Action
from console.environment.sources import sources
from console.pages.apps.forms import SearchForm
from console.web.htmx import wants_fragment
from console.web.kit import app_context, require_manager_access
from console.web.lists.listing import may_write_any
from console.workflows.deployments import reading
from console.workflows.overview import first_steps, page

PATIENCE = 3.0  # seconds for the store, before Amplify is asked in the same response
SEARCHED_FROM = 12  # branches; fewer are found by eye


@require_safe
def overview(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show what needs attention, the branches, and recent changes, from the database alone."""
    access = find_app(from_request(request), app_id)
    return render(request, "console/overview.html", _context(request, access))


@require_POST
def check(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Check the app against its stores or read its deployments, and send what the page shows.

    Without JavaScript, a button posts this and returns to the page.
    """
    access = find_app(from_request(request), app_id)
    until = monotonic() + PATIENCE
    of, is_watching = request.GET.get("of", ""), "watch" in request.GET
    if of != "deployments":
        for source in sources():
            source.check(access)
    if of != "store" and monotonic() < until:
        reading.refresh(actor=access.actor, app_id=app_id, is_watching=is_watching)
    if not wants_fragment(request):
        return redirect("overview", app_id=app_id)
    context = _context(request, find_app(access.actor, app_id))
    found: page.Overview = context["overview"]
    part = {"check_id": "check-store", "check_of": "store", "is_checking": found.is_checking}
    if of == "deployments":
        is_running = found.effects.is_running
        part = {"check_id": "check-deployments", "check_of": of, "is_watching": is_running}
    return render(request, "console/overview.html#checked", {**context, **part})


@require_POST
def hide_steps(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Hide the first steps."""
    access = require_manager_access(request, app_id, Action.STEPS_HIDDEN)
    first_steps.hide(actor=access.actor, app_id=app_id)
    return redirect("overview", app_id=app_id)


def _context(request: HttpRequest, access: Access) -> dict[str, Any]:
    found, q = page.overview(access), SearchForm(request.POST or request.GET).text()
    return {
        **app_context(access, "overview"),
        "overview": found,
        "cards": [card for card in found.cards if q.lower() in card.branch.name.lower()],
        "is_searched": bool(q) or len(found.cards) >= SEARCHED_FROM,
        "q": q,
        "may_write_any": may_write_any(access, access.branches),
        "uses_ssm": settings.PARAMETER_STORE == "ssm",
    }
