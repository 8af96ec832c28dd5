"""Import apps from Amplify: choose, preview, and import one after the other.

Reading an app with many branches takes a moment. So one response imports a part, and says how far
it is; the form it contains goes on. Scripts send that by themselves.
"""

from datetime import timedelta
from time import monotonic

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from console.access.actors import Actor
from console.access.acts import ConfirmationRequired
from console.amplify.errors import AmplifyError, NotFound
from console.amplify.service import is_on
from console.audit.events import Action
from console.pages.apps.forms import profile_field
from console.web import confirmation
from console.web.htmx import wants_fragment
from console.web.kit import call_service, page_with_form, require_operator_request, show_form
from console.workflows.connected_apps import importing

AT_ONCE = 20  # apps in a preview, which reads the branches of each
PATIENCE = timedelta(seconds=5)  # for one response without scripts
TEMPLATE = "console/app_import.html"


class ImportForm(forms.Form):
    """What is chosen for all apps of an import."""

    path_profile = profile_field()


@page_with_form
def app_import(request: HttpRequest) -> HttpResponseBase:
    """Import apps. Only for operators."""
    actor = require_operator_request(request, Action.APP_IMPORTED)
    if not is_on():
        return render(request, TEMPLATE, {"is_off": True})
    chosen = list(dict.fromkeys(request.POST.getlist("app")))
    try:
        if not 1 <= len(chosen) <= AT_ONCE:
            return _choose(request, actor, chosen)
        form = ImportForm(request.POST if request.POST.get("step") == "import" else None)
        if form.is_valid():
            return _import(request, actor, form, chosen)
        return _preview(request, actor, form, chosen)
    except AmplifyError as error:
        return render(request, TEMPLATE, {"problem": error.message}, status=error.status)


def _choose(request: HttpRequest, actor: Actor, chosen: list[str]) -> HttpResponse:
    """List the account's apps."""
    error = ""
    if request.method == "POST":
        error = (
            f"Choose at most {AT_ONCE} apps at a time." if chosen else "Choose at least one app."
        )
    context = {"offers": importing.offers(actor), "chosen": chosen, "error": error}
    return render(request, TEMPLATE, context, status=422 if error else 200)


def _preview(
    request: HttpRequest, actor: Actor, form: ImportForm, chosen: list[str]
) -> HttpResponse:
    """Show what an import would do. Apps that are connected already are left out."""
    previews = call_service(form, importing.preview, actor=actor, app_ids=chosen) or []
    return show_form(request, TEMPLATE, form, {"previews": previews, "is_preview": True})


def _import(
    request: HttpRequest, actor: Actor, form: ImportForm, chosen: list[str]
) -> HttpResponseBase:
    """Import at least one app, and as many as one response has time for."""
    until = monotonic() + (0 if wants_fragment(request) else PATIENCE.total_seconds())
    done = _number(request.POST.get("done", ""))
    try:
        while chosen:
            done += _import_one(request, actor, form, chosen[0])
            chosen = chosen[1:]
            if monotonic() >= until:
                break
    except ConfirmationRequired as asked:
        confirmation.ask(request, asked)
        return _progress(request, form, chosen, done)
    except (ValidationError, AmplifyError) as error:
        return _progress(request, form, chosen, done, problem=_sentence(error))
    if chosen:
        return _progress(request, form, chosen, done)
    if done:
        messages.success(request, f"Imported {done:,} app{'' if done == 1 else 's'}.")
    answer = HttpResponseClientRedirect if wants_fragment(request) else HttpResponseRedirect
    return answer(reverse("apps"))


def _import_one(request: HttpRequest, actor: Actor, form: ImportForm, app_id: str) -> bool:
    """Import an app. Return False if Amplify no longer has it: the others are imported anyway."""
    try:
        plan = importing.import_app(actor=actor, app_id=app_id, **form.cleaned_data)
    except NotFound:
        messages.warning(request, f"{app_id} was left out: Amplify no longer has it.")
        return False
    if plan is not None and (number := len(plan.left_out)):
        branches = "1 branch was" if number == 1 else f"{number:,} branches were"
        messages.warning(request, f"{app_id}: {branches} left out. Its Branches page says why.")
    return True


def _progress(
    request: HttpRequest, form: ImportForm, left: list[str], done: int, problem: str = ""
) -> HttpResponse:
    """Show how far the import is. It goes on by itself, unless there is something to do first."""
    part = "#form" if wants_fragment(request) else ""
    context = {
        "left": left,
        "done": done,
        "total": done + len(left),
        "path_profile": form.cleaned_data["path_profile"],
        "problem": problem,
    }
    status = 422 if problem else 403 if hasattr(request, "confirmation") else 200
    context["goes_on"] = status == 200
    # htmx swaps in a fragment only if it is a success.
    return render(request, f"{TEMPLATE}{part}", context, status=200 if part else status)


def _sentence(error: ValidationError | AmplifyError) -> str:
    return error.message if isinstance(error, AmplifyError) else " ".join(error.messages)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 7 else 0
