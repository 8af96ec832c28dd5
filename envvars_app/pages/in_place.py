"""The form that edits one variable: in its row of the list, and as a page without JavaScript."""

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
from envvars_app.formats.validation import REMARKS
from envvars_app.models import Variable
from envvars_app.pages.variables import CHANGE_SET_PURPOSE
from envvars_app.variables.history import find_variable
from envvars_app.variables.queries import listed_branches, stored_columns, to_rows


@require_safe
def edit(request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
    """Show the form for a new name or value, or for an override. Edit mode saves it.

    With `on`, a branch's id or "" for All branches, it adds the key there.
    """
    access = find_app(from_request(request), app_id)
    access.require_writer()
    variable = find_variable(access, pk)
    live = Variable.objects.filter(app=access.app, key=variable.key, removed_at=None)
    rows = to_rows(access, stored_columns(live.filter(pk=pk)), listed_branches(access))
    if not rows:
        raise Http404("Variable not found.")
    taken = {*live.values_list("branch_id", flat=True)}
    if is_adding := "on" in request.GET:
        scope_id = branch_id_from(request.GET, "on")
        if scope_id in taken:
            return redirect("variable_edit", app_id, live.get(branch=scope_id).pk)
        branches, chosen = only_choice(access, scope_id), request.GET["on"]
    else:
        branches = [] if variable.branch_id else override_choices(access, taken)
        chosen = request.GET.get("branch", "")
    context = {
        **app_context(access, "variables"),
        "row": rows[0],
        "rows": [] if is_adding else rows,
        "adds_to": branches[0][1] if is_adding else "",
        "override": {"key": variable.key, "branch": chosen},
        "branch_choices": branches,
        "change_set": change_set_token(access, CHANGE_SET_PURPOSE),
        "unseen": rules_as_json(access, REMARKS),
        "effect": effect_of(access, "variable", variable.branch, variable.key),
    }
    part = "#form" if wants_fragment(request) else ""
    return render(request, f"variables/edit.html{part}", context)
