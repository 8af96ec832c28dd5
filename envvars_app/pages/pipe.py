"""Pipe variables to a file: choose, look at the lines and at what they change, save that."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render

from console.access.policy import Access
from console.web.kit import page_with_form
from envvars_app import build_settings as services
from envvars_app.build_settings import Conflict, Piping, Settings
from envvars_app.buildspec.diffing import diff
from envvars_app.buildspec.inserting import BuildPhase, CannotInsert, build_phases
from envvars_app.buildspec.reading import Unreadable
from envvars_app.buildspec.recipes import RECIPES, RecipeRefused, lines_of
from envvars_app.formats.hints import secret_warning
from envvars_app.pages.build_forms import PipeForm, digest
from envvars_app.pages.build_settings import address_of, scope_context, scope_of
from envvars_app.variables.queries import Found, found_by_builds

NAMED = 3  # branches beside a variable


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
        note=f"variables written to {form.piping.recipe.file}",
    )
    messages.success(request, f"Inserted the lines into the build phase as version {row.version}.")
    return redirect(address_of(access, settings))


def _context(access: Access, settings: Settings, piping: Piping) -> dict[str, Any]:
    all_found = found_by_builds(access, settings.branch)
    return scope_context(access, settings) | {
        "piping": piping,
        "variables": [
            {
                "key": found.key,
                "checked": found.key in piping.names,
                "secretive": _reason(found),
                "only_on": found.only_on[:NAMED],
                "more": len(found.only_on[NAMED:]),
            }
            for found in all_found
        ],
        "only_on_some": any(found.only_on for found in all_found),
        "recipes": RECIPES.values(),
        "phases": _phases(settings),
    }


def _secretive(access: Access, settings: Settings, names: list[str]) -> list[tuple[str, str]]:
    """Return the chosen variables that look like secrets, each with the reason."""
    all_found = found_by_builds(access, settings.branch)
    reasons = [(found.key, _reason(found)) for found in all_found if found.key in names]
    return [(name, reason) for name, reason in reasons if reason]


def _reason(found: Found) -> str:
    """Return why a variable looks like a secret, on any of its branches, or ""."""
    reasons = (secret_warning(found.key, value) for value in sorted(found.values))
    return next(filter(None, reasons), "")


def _phases(settings: Settings) -> list[BuildPhase]:
    try:
        return build_phases(settings.text)
    except Unreadable:
        return []


def _folder(settings: Settings, app_root: str) -> str:
    """Return where an application stands, seen from where its commands run."""
    folders = {phase.app_root: phase.folder for phase in _phases(settings)}
    return folders.get(app_root, "")
