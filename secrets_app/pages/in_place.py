"""The form that edits one secret: in its row of the list, and as a page without JavaScript."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from console.access.actors import from_request
from console.access.policy import find_app
from console.environment.typed_values import rules_as_json
from console.web.change_sets import change_set_token
from console.web.htmx import wants_fragment
from console.web.kit import app_context, branch_id_from
from console.web.lists.listing import only_choice, override_choices
from console.web.lists.takes_effect import effect_of
from secrets_app.locations import find_secret
from secrets_app.models import Secret
from secrets_app.pages.forms import NewRow
from secrets_app.queries import find_row, listed_branches
from secrets_app.store.limits import REMARKS


@require_safe
def edit(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Show the form for a new value, or for an override on a branch. Edit mode saves it.

    With `on`, a branch's id or "" for All branches, it adds the key there.
    """
    access = find_app(from_request(request), app_id)
    access.require_writer()
    secret = find_secret(access, pk)
    row = find_row(access, pk, listed_branches(access))
    if row is None:  # removed since
        raise Http404("Secret not found.")
    there = Secret.objects.filter(app=access.app, key=secret.key, version__gt=0)
    scopes = {*there.values_list("branch_id", flat=True)}
    if is_adding := "on" in request.GET:
        scope_id = branch_id_from(request.GET, "on")
        if scope_id in scopes:
            return redirect("secret_edit", app_id, there.get(branch=scope_id).pk)
        branches, chosen = only_choice(access, scope_id), request.GET["on"]
    else:
        branches = [] if secret.branch_id else override_choices(access, scopes)
        chosen = request.GET.get("branch", "")
    override = NewRow(pk, secret.key, chosen, offered=True)
    context = {
        **app_context(access, "secrets"),
        "row": row,
        "rows": [] if is_adding else [row],
        "adds_to": branches[0][1] if is_adding else "",
        "override": [override] if branches else [],
        "branch_choices": branches,
        "change_set": change_set_token(access, access.app.path_profile),
        "unseen": rules_as_json(access, REMARKS),
        "effect": effect_of(access, "secret", secret.branch, secret.key),
    }
    part = "#form" if wants_fragment(request) else ""
    return render(request, f"secrets/edit.html{part}", context)
