"""Pipe variables to a file: choose, look at the lines and at what they change, save that."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render

from console.access import Access
from console.views import page_with_form
from envvars_app import build_services as services
from envvars_app.build_forms import PipeForm, digest
from envvars_app.build_services import Conflict, Piping, Settings
from envvars_app.build_views import address_of, scope_context, scope_of
from envvars_app.buildspec.diffing import diff
from envvars_app.buildspec.inserting import BuildPhase, CannotInsert, build_phases
from envvars_app.buildspec.reading import Unreadable
from envvars_app.buildspec.recipes import RECIPES, RecipeRefused, lines_of
from envvars_app.hints import looks_secret
from envvars_app.listing import effective


@page_with_form
def pipe(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show the choice, then its lines; with `save`, put them into the build phase."""
    access, settings = scope_of(request, app_id)
    if request.method != "POST":
        context = _context(access, settings, Piping(recipe=next(iter(RECIPES.values()))))
        return render(request, "build/pipe.html", context)
    form = PipeForm.of(request.POST)
    found: dict[str, Any] = {}
    try:
        found = _found(access, settings, form.piping)
        if form.saves and "text" in found and form.seen == found["seen"]:
            return _insert(request, access, settings, form, found["text"])
        found["changed_since"] = form.saves
    except RecipeRefused as refusal:
        found["refused"] = refusal
    except ValidationError as refusal:
        found["refusal"] = refusal.messages
    except Conflict:
        found["changed_since"] = True
    context = _context(access, settings, form.piping) | found
    wrong = {"refused", "refusal", "changed_since"} & {name for name in found if found[name]}
    return render(request, "build/pipe.html", context, status=422 if wrong else 200)


def _found(access: Access, settings: Settings, piping: Piping) -> dict[str, Any]:
    """Return what a choice leads to: its lines, and the text with them where they fit into it."""
    names = services.chosen(access, settings, piping)
    folder = piping.folder or _folder(settings, piping.app_root)
    lines = lines_of(piping.recipe, names=names, prefix=piping.prefix, folder=folder)
    found = {"lines": lines, "secretive": _secretive(access, settings, names), "seen": ""}
    try:
        text = services.inserted(settings, piping, lines)
    except CannotInsert as problem:
        return found | {"by_hand": str(problem)}
    return found | {"text": text, "seen": digest(text), "diff": diff(settings.text, text)}


def _insert(
    request: HttpRequest, access: Access, settings: Settings, form: PipeForm, text: str
) -> HttpResponseBase:
    row = services.save(
        actor=access.actor,
        app_id=access.app.app_id,
        branch_id=settings.branch_id,
        text=text,
        base=form.base,
        note=f"variables piped to {form.piping.recipe.file}",
    )
    messages.success(request, f"The lines are in the build phase, version {row.version}.")
    return redirect(address_of(access, settings))


def _context(access: Access, settings: Settings, piping: Piping) -> dict[str, Any]:
    values = effective(access, settings.branch)
    return scope_context(access, settings) | {
        "piping": piping,
        "variables": [
            {"key": key, "checked": key in piping.names, "secretive": looks_secret(key, value)}
            for key, value in values.items()
        ],
        "recipes": RECIPES.values(),
        "phases": _phases(settings),
    }


def _secretive(access: Access, settings: Settings, names: list[str]) -> list[tuple[str, str]]:
    """Return the chosen variables that look like secrets, each with the reason."""
    values = effective(access, settings.branch)
    reasons = [(name, looks_secret(name, values[name])) for name in names]
    return [(name, reason) for name, reason in reasons if reason]


def _phases(settings: Settings) -> list[BuildPhase]:
    try:
        return build_phases(settings.text)
    except Unreadable:
        return []


def _folder(settings: Settings, app_root: str) -> str:
    """Return where an application stands, seen from where its commands run."""
    folders = {phase.app_root: phase.folder for phase in _phases(settings)}
    return folders.get(app_root, "")
