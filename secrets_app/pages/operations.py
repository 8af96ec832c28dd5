"""Operators' pages: the doctor and the parameter store's health. Neither shows a value."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console.audit.events import Action
from console.lib.health import CheckResult, State
from console.web.htmx import wants_fragment
from console.web.kit import page_with_form, require_operator_request
from secrets_app.ops import call_stats, quotas
from secrets_app.ops.doctor import examine
from secrets_app.store import parameter_store
from secrets_app.store.errors import StoreError
from secrets_app.store.limits import VERSIONS_KEPT


@page_with_form
def doctor(request: HttpRequest) -> HttpResponse:
    """Run the doctor. A POST also checks the store; with `write`, it writes a probe."""
    actor = require_operator_request(request, Action.STORE_PROBED)
    is_post = request.method == "POST"
    writer = actor if is_post and "write" in request.POST else None
    results = examine(ask_store=is_post, writer=writer)
    states = [(state, sum(it.state is state for it in results)) for state in State]
    context = {"results": results, "states": states, "asked": is_post}
    return _no_store(render(request, "operation/doctor.html", context))


@page_with_form
def store(request: HttpRequest) -> HttpResponse:
    """Show the store's health from recent calls. A POST also pings it."""
    require_operator_request(request, Action.STORE_PROBED)
    connection = _check_connection() if request.method == "POST" else None
    if connection and wants_fragment(request):
        return _no_store(render(request, "operation/store.html#reach", {"reach": connection}))
    return _no_store(
        render(request, "operation/store.html", {"reach": connection, **_store_context()})
    )


def _no_store(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


def _check_connection() -> CheckResult:
    try:
        parameter_store().ping()
    except StoreError as error:
        hint = f"The store returned {error.code}. See docs/operations.md."
        return CheckResult.error("Now", error.message, hint)
    except ImproperlyConfigured as error:
        return CheckResult.error("Now", str(error), "Correct the setting.")
    return CheckResult.ok("Now", "The parameter store answers.")


def _store_context() -> dict[str, Any]:
    call_stats.flush()  # this process's counts; the others flush theirs
    apps = quotas.parameters()
    versions = quotas.many_versions()
    return {
        "kind": settings.PARAMETER_STORE,
        "region": settings.AWS_REGION,
        "operations": quotas.operations(),
        "calls": call_stats.last_hour(),
        "apps": apps[: quotas.MAX_ROWS],
        "used": sum(app["number"] for app in apps),
        "limit": quotas.MAX_PARAMETERS,
        "high": quotas.MANY_PARAMETERS,
        "near": quotas.MANY_VERSIONS,
        "kept": VERSIONS_KEPT,
        "versions": versions[: quotas.MAX_ROWS],
        "more_versions": max(versions.count() - quotas.MAX_ROWS, 0),
        "size": quotas.embedded_size(),
    }
