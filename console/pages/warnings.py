"""The warnings of an app, where members dismiss them and show them again."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from console.access.actors import from_request
from console.access.policy import find_app
from console.audit.events import Action
from console.environment.sources import source_of, sources
from console.environment.warnings import WarningKind
from console.lib.row_forms import field
from console.web.kit import app_context, find_app_to_change, page_with_form
from console.workflows.warnings import dismissing, finding

GONE = "This warning no longer exists."
DISMISSED = "Dismissed. The warning comes back when what it is about changes."
SHOWN_AGAIN = "The warning is shown again."


@page_with_form
def warnings(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show the warnings, and those that somebody dismissed. Dismiss one, or show it again."""
    if request.method == "POST":
        return _change(request, app_id)
    access = find_app(from_request(request), app_id)
    found = finding.of_app(access)
    context = {
        **app_context(access, "overview"),
        "found": [it for it in found if not it.dismissed],
        "dismissed": [it for it in found if it.dismissed],
        "may_write": not access.is_read_only,
    }
    return render(request, "console/warnings.html", context)


def _change(request: HttpRequest, app_id: str) -> HttpResponse:
    access = find_app_to_change(request, app_id, Action.WARNING_DISMISSED)
    noun, key, about = (field(request.POST, name) for name in ("noun", "key", "about"))
    if "\0" in noun + key:  # PostgreSQL rejects it even in a query's parameters
        raise Http404("There is no such warning.")
    try:
        kind = WarningKind(field(request.POST, "kind"))
    except ValueError:
        raise Http404("There is no such kind of warning.") from None
    is_again = "again" in request.POST
    change = dismissing.show_again if is_again else dismissing.dismiss
    done = change(
        actor=access.actor, app_id=app_id, noun=noun, kind=kind, key=key, about=about.split()
    )
    words = SHOWN_AGAIN if is_again else DISMISSED
    (messages.success if done else messages.info)(request, words if done else GONE)
    pk = field(request.POST, "pk")
    if pk.isdecimal() and len(pk) < 16 and noun in {it.noun for it in sources()}:
        return redirect(source_of(noun).url(access, int(pk)))
    return redirect("warnings", app_id=app_id)
