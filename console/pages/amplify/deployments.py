"""The page of deployments: what was built last on each branch, redeploying and stopping."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.access.amplify_apps import find_amplify_app
from console.access.policy import Access, Permission, find_app
from console.amplify.errors import AmplifyError
from console.amplify.service import is_on
from console.lib.durations import in_words
from console.web.htmx import wants_fragment
from console.web.kit import app_context
from console.workflows.deployments import acting, reading
from console.workflows.deployments.effects import BranchState, of_app
from console.workflows.deployments.steps import ShownStep, steps_of

TURNED_OFF = "Amplify is turned off in Branchkeep. Ask an operator to set AMPLIFY to “on”."
SHOWN_KEYS = 12


@dataclass(frozen=True)
class Row:
    """A branch on the page. `problem` is why the last act was refused, `elapsed` is in words."""

    state: BranchState
    may_write: bool
    problem: str
    steps: list[ShownStep]
    elapsed: str

    @property
    def console_url(self) -> str:
        """Return the address of the branch's deployments in Amplify's console.

        Amplify documents no address of one deployment.
        """
        app, name = self.state.branch.app, quote(self.state.branch.name, safe="")
        path = f"apps/{app.app_id}/branches/{name}/deployments"
        return f"https://{app.region}.console.aws.amazon.com/amplify/{path}"

    @property
    def more_keys(self) -> int:
        """Return how many keys are not named."""
        return max(len(self.state.keys) - SHOWN_KEYS, 0)


@require_safe
def deployments(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show the deployments of each branch from the database, without calling Amplify."""
    access = find_amplify_app(from_request(request), app_id)
    return _page(request, access)


@require_POST
def refresh(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Read the deployments from Amplify, and send the page's changed part.

    Without JavaScript, a button posts this and returns to the page.
    """
    actor = from_request(request)
    reading.refresh(actor=actor, app_id=app_id, is_watching="watch" in request.GET)
    if not wants_fragment(request):
        return redirect("deployments", app_id=app_id)
    access = find_app(actor, app_id)
    context = {**_context(access), "is_checked": True}
    return render(request, "console/deployments.html#content", context)


@require_POST
def start(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Redeploy a branch."""

    def act() -> str:
        shown = request.POST.get("shown", "")[:255]
        actor = from_request(request)
        started = acting.redeploy(actor=actor, app_id=app_id, pk=pk, shown=shown)
        sentence = f"Started deployment {started.job_id} of {started.branch}."
        if started.left:
            changes = "1 change" if started.left == 1 else f"{started.left} changes"
            sentence += f" It lacks {changes} that you have to decide about first."
        return sentence

    return _act(request, app_id, pk, act)


@require_POST
def stop(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Stop a branch's running deployment."""

    def act() -> str:
        job_id = request.POST.get("job", "")[:255]
        acting.stop(actor=from_request(request), app_id=app_id, pk=pk, job_id=job_id)
        return f"Stopping deployment {job_id}."

    return _act(request, app_id, pk, act)


def _act(request: HttpRequest, app_id: str, pk: int, act: Callable[[], str]) -> HttpResponseBase:
    """Act, and show the page again with the reason at the branch if that was refused."""
    try:
        messages.success(request, act())
    except ValidationError as refusal:
        problem, status = " ".join(refusal.messages), 422
    except AmplifyError as error:
        problem, status = error.message, error.status
    else:
        return redirect("deployments", app_id=app_id)
    access = find_app(from_request(request), app_id)
    return _page(request, access, {pk: problem}, status)


def _page(
    request: HttpRequest,
    access: Access,
    problems: dict[int, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = _context(access, problems)
    # What was just refused must stay readable, so the page isn't refreshed at once.
    context["is_checked"] = bool(problems)
    return render(request, "console/deployments.html", context, status=status)


def _context(access: Access, problems: dict[int, str] | None = None) -> dict[str, Any]:
    connection, effects = reading.connection_of(access), of_app(access)
    now = timezone.now()
    rows = [
        Row(
            state,
            access.may_on(Permission.WRITE, state.branch),
            (problems or {}).get(state.branch.pk, ""),
            steps_of(state, now),
            _elapsed(state, now),
        )
        for state in sorted(effects.branches.values(), key=lambda it: not it.branch.production)
    ]
    problem = connection.jobs_problem if connection else ""
    return {
        **app_context(access, "deployments"),
        "rows": rows,
        "running": [row for row in rows if row.state.running],
        "is_running": effects.is_running,
        "read_at": effects.read_at,
        "is_unread": bool(rows) and effects.read_at is None,
        "problem": problem if is_on() else TURNED_OFF,
        "shown_keys": SHOWN_KEYS,
        "now": now,
    }


def _elapsed(state: BranchState, now: datetime) -> str:
    start = state.running.started_at if state.running else None
    return in_words((now - start).total_seconds()) if start else ""
