"""Operators' pages: the doctor, and the parameter store's health. Neither shows a value."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console.audit.events import Action
from console.lib.health import Finding, State, broken, fine
from console.web.htmx import wants_fragment
from console.web.kit import operated, page_with_form
from secrets_app.ops import call_stats, quotas
from secrets_app.ops.doctor import examine
from secrets_app.store import parameter_store
from secrets_app.store.errors import StoreError
from secrets_app.store.limits import VERSIONS_KEPT


@page_with_form
def doctor(request: HttpRequest) -> HttpResponse:
    """Show how everything stands. A post asks the store too; with `write` it is written to."""
    actor = operated(request, Action.STORE_PROBED)
    asking = request.method == "POST"
    writer = actor if asking and "write" in request.POST else None
    findings = examine(ask_store=asking, writer=writer)
    states = [(state, sum(it.state is state for it in findings)) for state in State]
    context = {"findings": findings, "states": states, "asked": asking}
    return _never_kept(render(request, "operation/doctor.html", context))


@page_with_form
def store(request: HttpRequest) -> HttpResponse:
    """Show the store's health by what is known. A post asks whether it answers now."""
    operated(request, Action.STORE_PROBED)
    reach = _reach() if request.method == "POST" else None
    if reach and wants_fragment(request):
        return _never_kept(render(request, "operation/store.html#reach", {"reach": reach}))
    return _never_kept(render(request, "operation/store.html", {"reach": reach, **_known()}))


def _never_kept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


def _reach() -> Finding:
    try:
        parameter_store().ping()
    except StoreError as error:
        todo = f"The store returned {error.code}. See docs/operations.md."
        return broken("Now", error.message, todo)
    except ImproperlyConfigured as error:
        return broken("Now", str(error), "Correct the setting.")
    return fine("Now", "The parameter store answers.")


def _known() -> dict[str, Any]:
    call_stats.write()  # what this process noted; the others write theirs
    apps = quotas.parameters()
    versions = quotas.many_versions()
    return {
        "embedded": settings.PARAMETER_STORE == "embedded",
        "region": settings.AWS_REGION,
        "operations": quotas.operations(),
        "calls": call_stats.last_hour(),
        "apps": apps[: quotas.SHOWN],
        "used": sum(app["number"] for app in apps),
        "limit": quotas.PARAMETERS,
        "high": quotas.NEARLY_ALL,
        "near": quotas.NEAR,
        "kept": VERSIONS_KEPT,
        "versions": versions[: quotas.SHOWN],
        "more_versions": max(versions.count() - quotas.SHOWN, 0),
        "size": quotas.embedded_size(),
    }
