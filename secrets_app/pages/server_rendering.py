"""The page for server-rendered apps: which folders to read, and the policy of the compute role."""

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from console.access.actors import from_request
from console.access.amplify_apps import find_amplify_app
from console.access.policy import find_branch
from console.web.kit import app_context, branch_id_from
from secrets_app.paths import InvalidPath
from secrets_app.server_rendering import TRUST_POLICY, compute_access


@require_safe
def server_rendering(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show what lets the server code of a branch read its secrets at run time."""
    access = find_amplify_app(from_request(request), app_id)
    active = [branch for branch in access.branches if not branch.deleted_at]
    chosen = branch_id_from(request.GET)
    branch = None if chosen is None else find_branch(access, chosen)
    context = {
        **app_context(access, "secrets"),
        "branches": active,
        "branch": branch,
        "kept_in_aws": settings.PARAMETER_STORE == "ssm",
        "trust_policy": json.dumps(TRUST_POLICY, indent=2),
    }
    try:
        compute = compute_access(access.app, branch)
    except InvalidPath as problem:
        context["problem"] = str(problem)
    else:
        context["folders"] = ",".join(compute.folders)
        context["policy"] = json.dumps(compute.policy, indent=2)
    return render(request, "secrets/server_rendering.html", context)
