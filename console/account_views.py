"""Pages of one's own account that are not allauth's."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from console import factors, recovery_codes, sessions
from console.actors import from_request
from console.audit import Action, Target, recording
from console.models import User
from console.views import page_with_form


@page_with_form
def my_sessions(request: HttpRequest) -> HttpResponse:
    """Show where one is signed in; end one session (`end` is its id), the `others`, or `all`."""
    user, key = request.user, request.session.session_key
    assert isinstance(user, User)  # noqa: S101 - the middleware lets nobody else in
    if request.method != "POST":
        context = {"sessions": sessions.of(user), "this": key}
        return render(request, "account/sessions.html", context)
    wanted = _chosen(sessions.of(user), request.POST.get("end", ""), key)
    here = any(session.session_key == key for session in wanted)
    ended = sessions.end(actor=from_request(request), user=user, sessions=wanted)
    if here:
        logout(request)
        messages.success(request, _said(ended))
        return redirect("account_login")
    messages.success(request, _said(ended))
    return redirect("my_sessions")


@page_with_form
@reauthentication_required(app="allauth.mfa")  # type: ignore[untyped-decorator]
@never_cache
def my_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Say how many recovery codes are left; make new ones, and show them this once."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the middleware lets nobody else in
    if not factors.has_factor(user):
        messages.info(request, "Set up an authenticator app or a passkey first.")
        return redirect("mfa_index")
    context: dict[str, Any] = {"left": recovery_codes.left(user)}
    if request.method == "POST":
        with recording(
            from_request(request), Action.FACTOR_ADDED, Target(subject="new recovery codes")
        ):
            context["codes"] = recovery_codes.make(user)
    return render(request, "mfa/recovery_codes.html", context)


def _chosen(mine: QuerySet[UserSession], which: str, this: str | None) -> Any:
    match which:
        case "all":
            return mine.all()
        case "others":
            return mine.exclude(session_key=this)
        case _ if which.isdecimal() and len(which) < 19:
            return mine.filter(pk=int(which))
    return mine.none()


def _said(count: int) -> str:
    if not count:
        return "There was no such session any more."
    return "1 session ended." if count == 1 else f"{count} sessions ended."
