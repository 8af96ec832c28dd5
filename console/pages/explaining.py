"""The page "Why this value?" of a secret or variable, for each branch."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.access.actors import from_request
from console.access.policy import Permission, find_app
from console.environment.sources import source_of
from console.web.kit import app_context, branch_id_from
from console.workflows.explaining import explain


@require_safe
def why(request: HttpRequest, app_id: str, pk: int, noun: str) -> HttpResponse:
    """Explain which value a scope gets. `pk` names any value of the key.

    `on` is a branch's id, or "" for All branches. Without it, it is the scope of that value.
    """
    access = find_app(from_request(request), app_id)
    source = source_of(noun)
    key, scope_id = source.find_key(access, pk)
    if "on" in request.GET:
        scope_id = branch_id_from(request.GET, "on")
    found = explain(access, source, key, scope_id)
    if found is None:
        raise Http404("Nothing is known of this key.")
    context = {
        **app_context(access, "secrets" if source.is_confidential else "variables"),
        "why": found,
        "explanation": found.explanation,
        "pk": pk,
        "back": source.url(access, pk),
        "branches": access.branches,
        "may_copy": access.may_on(Permission.WRITE, found.branch),
    }
    return render(request, "console/why.html", context)
