"""Import the values of a Gen 1 environment: choose, see what would change, then import.

The form holds names, keys and versions, and never a value. One response imports a part of many
parameters, and its form continues with the rest, as in Compare's copies.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.audit.events import Action
from console.environment.importing import Change
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import known_base
from console.lib.text.dotenv import Refused
from console.web.change_sets import change_set_of, change_set_token, undo_address
from console.web.htmx import wants_fragment
from console.web.kit import (
    app_context,
    done_before,
    find_app_to_change,
    page_with_form,
    response_deadline,
)
from console.web.lists.listing import writable_scopes
from console.web.repeats import save_rows_once
from secrets_app.gen1 import importing
from secrets_app.gen1.finding import Source, find
from secrets_app.gen1.importing import Plan, Wanted
from secrets_app.gen1.names import CREDENTIALS, is_credentials, proposed_keys
from secrets_app.sync.freshness import freshness

PART = 50  # parameters in one response
SHOWN = 400  # parameters; each has two fields, and Django takes at most a thousand
GONE = "This environment is no longer in the parameter store. Nothing was imported."
CHOOSE = "Choose at least one parameter."
STALE = "The app's path profile changed after you opened this page. Nothing was imported yet."
_ROW = re.compile(r"([0-9:-]{1,30}) ([0-9:-]{1,30}) ([A-Za-z0-9_.-]{1,1011}) (.*)\Z", re.ASCII)


@page_with_form
def gen1(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Show what importing an environment would do, or do it."""
    if request.method != "POST":
        access = find_app(from_request(request), app_id)
        importing.require(access)
        return _Page(request, access, request.GET).show()
    access = find_app_to_change(request, app_id, Action.PARAMETER_READ)
    importing.require_for_post(access)
    page = _Page(request, access, request.POST)
    try:
        return page.save() if request.POST.get("action") == "save" else page.show()
    except Refused as refusal:
        return page.show(refusal=refusal)


class _Page:
    """A request for the page, with its choices."""

    def __init__(self, request: HttpRequest, access: Access, data: Mapping[str, str]) -> None:
        self.request, self.access = request, access
        self.environments = find(access)
        self.scopes = writable_scopes(access, access.branches)
        wanted = data.get("environment", "")
        self.environment = (
            wanted if wanted in self.environments else next(iter(self.environments), "")
        )
        self.scope = self._scope(data.get("scope"))
        branches = {str(branch.pk): branch for branch in access.branches}
        self.branch = branches.get(self.scope)  # None for All branches
        self.rows = _rows(request)

    def _scope(self, chosen: str | None) -> str:
        """Return the chosen scope, by default the branch that has the environment's name.

        Raises Http404.
        """
        writable = dict(self.scopes)
        if chosen is None:
            named = (it for it in self.access.branches if it.name == self.environment)
            return next((str(it.pk) for it in named if str(it.pk) in writable), "")
        if chosen not in writable:
            raise Http404("Branch not found.")
        return chosen

    def show(
        self, *, refusal: Refused | None = None, outcomes: Sequence[RowOutcome] = ()
    ) -> HttpResponse:
        """Show the preview; after a save, also why a row wasn't imported."""
        ended = {it.token: it for it in outcomes}
        failed = [it.token for it in outcomes if it.outcome not in DONE]
        sources = self.environments.get(self.environment, ())
        plans = self._plans(sources[:SHOWN])
        context = {
            "rows": [self._row(plan, ended) for plan in plans],
            "gone": len({*failed} - {source.name for source in sources}),
            "number": len(sources),
            "limit": SHOWN,
            "refusal": refusal,
            "failed": len(failed),
            "saved": done_before(self.request) + len(outcomes) - len(failed),
            "checked": freshness(self.access.app).agreed_at,
            "change_set": change_set_token(self.access, self.access.app.path_profile),
        }
        return self._render(context, status=422 if failed or refusal else 200)

    def _plans(self, sources: Sequence[Source]) -> Sequence[Plan]:
        """Plan each parameter with the typed key, otherwise with the proposed one."""
        proposed = proposed_keys(source.name for source in sources)
        typed = self.request.POST
        keys = {
            name: self.rows[name].key if name in self.rows else typed.get(f"key-{name}", key)
            for name, key in proposed.items()
        }
        left_out = {*keys} - {*self.rows} if typed else ()
        chosen = ((source, keys[source.name].strip()) for source in sources)
        return importing.plan(self.access, chosen, self.branch, left_out) if sources else ()

    def _row(self, plan: Plan, ended: Mapping[str, RowOutcome]) -> dict[str, Any]:
        """Return a row of the preview. A key that the scope has or inherits is not chosen at first.

        After a save, whose outcomes are `ended`, the rows that weren't tried are chosen.
        """
        line, planned, name = plan.line, plan.line.planned, plan.source.name
        posted = self.rows.get(name)
        is_free = planned.change is Change.NEW and not (line.overrides or line.also)
        outcome = ended.get(name)
        is_left = outcome is not None and outcome.outcome not in DONE
        if ended:
            is_chosen = outcome is not None and outcome.outcome is Result.NOT_TRIED
        elif self.request.method == "POST":
            is_chosen = posted is not None and (is_free or posted.planned_key == plan.key)
        else:
            is_chosen = is_free and not is_credentials(name)
        return {
            "name": name,
            "text": f"{plan.source.base} {planned.base} {name} {plan.key}",
            "key": plan.key,
            "is_encrypted": plan.source.is_encrypted,
            "is_new": planned.change is Change.NEW,
            "is_chosen": is_chosen and not plan.problem,
            "overrides": line.overrides,
            "also": line.also,
            "problem": plan.problem,
            "note": CREDENTIALS if is_credentials(name) else "",
            "last_change": planned.last_change,
            "message": (outcome.message or "Not imported yet.") if outcome and is_left else "",
        }

    def save(self) -> HttpResponseBase:
        """Import a part of what was chosen."""
        wanted = [self._wanted(row) for row in self.rows.values()]
        if not wanted:
            raise Refused(CHOOSE)
        if self.request.POST.get("environment") != self.environment:
            raise Refused(GONE)
        signed = self.request.POST.get("change_set", "")
        change_set = change_set_of(signed, self.access, self.access.app.path_profile)
        if signed and change_set is None:
            raise Refused(STALE)
        outcomes = self._save_once(wanted, change_set or uuid.uuid4())
        unfinished = [it for it in outcomes if it.outcome not in DONE]
        if any(it.outcome is not Result.NOT_TRIED or it.message for it in unfinished):
            return self.show(outcomes=outcomes)
        done = done_before(self.request) + len(outcomes) - len(unfinished)
        if unfinished:
            left = "\n".join(self.rows[it.token].text for it in unfinished)
            context = {"left": left, "done": done, "total": done + len(unfinished)}
            return self._render({**context, "change_set": signed})
        undo = undo_address(self.access, change_set) if change_set else ""
        sentence = f"Imported {done} secret{pluralize(done)}."
        messages.success(self.request, sentence, extra_tags=undo)
        if wants_fragment(self.request):
            return HttpResponseClientRedirect(reverse("secrets", args=[self.access.app.app_id]))
        return redirect("secrets", app_id=self.access.app.app_id)

    def _wanted(self, row: "_Row") -> Wanted:
        """Return what a row asks for. A key typed since the preview must not exist yet."""
        base = known_base(row.planned_base if row.key == row.planned_key else "0")
        return Wanted(row.name, row.base, row.key, *base)

    def _save_once(self, wanted: Sequence[Wanted], change_set: uuid.UUID) -> list[RowOutcome]:
        """Import a part, unless this post repeats an earlier one."""
        may_go_on = response_deadline(self.request)

        def save_part(rest: Sequence[Wanted]) -> list[RowOutcome]:
            part = importing.save(
                self.access,
                self.environment,
                self.branch,
                rest[:PART],
                change_set,
                may_go_on=may_go_on,
            )
            return [*part, *(RowOutcome(it.token, Result.NOT_TRIED) for it in rest[PART:])]

        return save_rows_once(
            change_set,
            wanted,
            lambda it: (self.environment, self.scope, it.key),
            save_part,
        )

    def _render(self, context: dict[str, Any], status: int = 200) -> HttpResponse:
        context |= {
            **app_context(self.access, "unknown_parameters"),
            "environment": self.environment,
            "environment_choices": [(name, name) for name in self.environments],
            "scope": self.scope,
            "scope_choices": self.scopes,
        }
        if wants_fragment(self.request):  # htmx swaps in a fragment only if it is a success
            return render(self.request, "secrets/gen1.html#form", context)
        return render(self.request, "secrets/gen1.html", context, status=status)


class _Row:
    """A chosen row as posted: what the preview was based on, and the key."""

    def __init__(self, match: re.Match[str], typed: str | None) -> None:
        self.base, self.planned_base, self.name, self.planned_key = match.groups()
        self.key = self.planned_key if typed is None else typed.strip()

    @property
    def text(self) -> str:
        """Return the row with the typed key, as the form posts it later."""
        base = self.planned_base if self.key == self.planned_key else "0"
        return f"{self.base} {base} {self.name} {self.key}"


def _rows(request: HttpRequest) -> dict[str, _Row]:
    """Return the chosen rows by name. A field can hold several, one per line."""
    lines = (line for text in request.POST.getlist("row") for line in text.splitlines())
    found = (_Row(it, request.POST.get(f"key-{it[3]}")) for it in map(_ROW.match, lines) if it)
    return {row.name: row for row in found}
