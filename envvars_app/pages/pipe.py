"""Pages that pipe variables to a file: choose, preview the commands and the change, save."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render

from console.access.policy import Access
from console.lib.text.likely_secrets import secret_warning
from console.web.kit import page_with_form
from envvars_app import build_settings as services
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.build_settings import Conflict, PipeOptions, Settings
from envvars_app.buildspec.diffing import diff
from envvars_app.buildspec.holding import expansion_note
from envvars_app.buildspec.inserting import BuildPhase, CannotInsert, build_phases
from envvars_app.buildspec.reading import InvalidYaml
from envvars_app.buildspec.recipes import RECIPES, Recipe, best_recipe, commands_for
from envvars_app.buildspec.writers import InvalidSelection
from envvars_app.pages.build_forms import PipeForm, digest
from envvars_app.pages.build_settings import access_and_settings, scope_context, settings_url
from envvars_app.variables.queries import BuildVariable, build_variables

SHOWN_BRANCHES = 3  # per variable


@page_with_form
def pipe(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show the form, then its commands. With `save`, insert them into the build phase."""
    access, settings = access_and_settings(request, app_id)
    if request.method != "POST":
        values = {
            value for found in build_variables(access, settings.branch) for value in found.values
        }
        recipe = best_recipe(next(iter(RECIPES.values())), values)
        context = _context(access, settings, PipeOptions(recipe=recipe))
        return render(request, "build/pipe.html", context)
    form = PipeForm.of(request.POST)
    found: dict[str, Any] = {}
    try:
        found = _render_selection(access, settings, form.options)
        # Only the text that the preview showed is saved: the variables may have changed since.
        if form.is_save and "text" in found and form.shown_digest == found["seen"]:
            return _insert(request, access, settings, form, found["text"])
        found["changed_since"] = form.is_save
    except InvalidSelection as refusal:
        found["refused"] = refusal
    except ValidationError as refusal:
        found["refusal"] = refusal.messages
    except Conflict:
        found["changed_since"] = True
    context = _context(access, settings, form.options) | found
    problems = {"refused", "refusal", "changed_since"} & {name for name in found if found[name]}
    return render(request, "build/pipe.html", context, status=422 if problems else 200)


def _render_selection(access: Access, settings: Settings, options: PipeOptions) -> dict[str, Any]:
    """Return the commands for a selection and, if they can be inserted, the resulting text."""
    names = services.selected_keys(access, settings, options)
    phase = _phase(settings, options.app_root)
    lines = commands_for(
        options.recipe,
        names=names,
        prefix=options.prefix,
        folder=options.folder,
        found_folder=(phase.folder or "") if phase else "",
    )
    chosen = [found for found in build_variables(access, settings.branch) if found.key in names]
    found = {
        "lines": lines,
        "secret_warnings": _reasons(chosen, secret_warning),
        **_value_problems(options.recipe, chosen),
        "phase": phase if not options.folder.strip() and _is_notable(phase) else None,
        "seen": "",
    }
    try:
        text = services.with_commands(settings, options, lines)
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
        note=f"variables written to {form.options.recipe.file}",
    )
    push_waiting(access.app)
    messages.success(request, f"Inserted the lines into the build phase as version {row.version}.")
    return redirect(settings_url(access, settings))


def _context(access: Access, settings: Settings, options: PipeOptions) -> dict[str, Any]:
    variables = build_variables(access, settings.branch)
    return scope_context(access, settings) | {
        "options": options,
        "variables": [
            {
                "key": found.key,
                "checked": found.key in options.names,
                "secret_warning": _reason(found, secret_warning),
                "only_on": found.only_on[:SHOWN_BRANCHES],
                "more": len(found.only_on[SHOWN_BRANCHES:]),
            }
            for found in variables
        ],
        "only_on_some": any(found.only_on for found in variables),
        "recipes": RECIPES.values(),
        "phases": _phases(settings),
    }


def _is_notable(phase: BuildPhase | None) -> bool:
    """Return True if lines may not run where the application is."""
    return phase is not None and bool(phase.moves or phase.folder)


def _value_problems(recipe: Recipe, chosen: list[BuildVariable]) -> dict[str, Any]:
    """Return the chosen variables whose values the file can't hold, and the file that can."""
    values = {value for found in chosen for value in found.values}
    unheld = _reasons(chosen, lambda _, value: recipe.problem(value))
    better = best_recipe(recipe, values)
    expanding = RECIPES.get(recipe.for_expanding)
    return {
        "unheld": unheld,
        "better": None if better is recipe else better,
        "expanded": _reasons(chosen, lambda _, value: expansion_note(value)) if expanding else [],
        "expanding": expanding,
    }


def _reasons(
    chosen: list[BuildVariable], reason_of: Callable[[str, str], str]
) -> list[tuple[str, str]]:
    """Return (name, reason) for each variable with a value, on any branch, that has a reason."""
    reasons = [(found.key, _reason(found, reason_of)) for found in chosen]
    return [(name, reason) for name, reason in reasons if reason]


def _reason(found: BuildVariable, reason_of: Callable[[str, str], str]) -> str:
    reasons = (reason_of(found.key, value) for value in sorted(found.values))
    return next(filter(None, reasons), "")


def _phases(settings: Settings) -> list[BuildPhase]:
    try:
        return build_phases(settings.text)
    except InvalidYaml:
        return []


def _phase(settings: Settings, app_root: str) -> BuildPhase | None:
    return next((phase for phase in _phases(settings) if phase.app_root == app_root), None)
