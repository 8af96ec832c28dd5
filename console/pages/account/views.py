"""Pages of the user's own account that allauth doesn't provide."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from allauth.account import views as account
from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from console.access.actors import from_request
from console.auth import reauthentication, sessions
from console.auth.mfa import factors, recovery_codes
from console.members import suspension
from console.models import Session, User
from console.pages.account.forms import PreferencesForm
from console.web.kit import page_with_form

# allauth's method and our page for what proves a suspended user
PROOFS = {
    suspension.Proof.PASSWORD: ("password", "account_reauthenticate"),
    suspension.Proof.FACTOR: ("mfa", "mfa_reauthenticate"),
}


def with_passwords(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Deny a view that needs passwords if PASSWORD_SIGN_IN is off."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.PASSWORD_SIGN_IN:
            return view(request, *args, **kwargs)
        raise PermissionDenied(
            "Branchkeep does not use passwords here. Sign in with single sign-on."
        )

    return guarded


@login_not_required
@sensitive_post_parameters()
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show the ways to sign in, and accept a password if passwords are on.

    Before the set-up, when there is no account, say where its link is. With single sign-on, the
    first account may come from the provider.
    """
    if not settings.OIDC_ISSUER and not User.objects.exists():
        return render(request, "account/before_setup.html")
    if request.method == "POST":
        return with_passwords(account.login)(request)
    return account.login(request)  # type: ignore[no-any-return]  # allauth has no types


@require_safe
@never_cache
def confirm(request: HttpRequest) -> HttpResponse:
    """Say that the user's identity is confirmed, or lead to a way to confirm it and back.

    static/js/confirm.js shows these pages in a dialog. The provider's pages can't be shown there.
    """
    if not reauthentication.is_due(request):
        return render(request, "account/confirmed.html")
    methods = get_adapter().get_reauthentication_methods(request.user)
    if not methods:
        raise PermissionDenied("You have no way to confirm your identity. Sign in again.")
    address = f"{methods[0]['url']}?next={request.path}"
    if methods[0]["id"] == "oidc":
        return render(request, "account/confirm_elsewhere.html", {"address": address})
    return redirect(address)


@page_with_form
def my_sessions(request: HttpRequest) -> HttpResponse:
    """List the user's sessions; end one (`end` is its number), the `others`, or `all`."""
    user, this = request.user, sessions.number_of(request)
    assert isinstance(user, User)  # noqa: S101 - the middleware lets nobody else in
    if request.method != "POST":
        context = {"sessions": sessions.active_sessions(user), "this": this}
        return render(request, "account/sessions.html", context)
    wanted = _requested_sessions(sessions.active_sessions(user), request.POST.get("end", ""), this)
    here = any(session.number == this for session in wanted)
    ended = sessions.end(actor=from_request(request), user=user, sessions=wanted)
    if here:
        logout(request)
        messages.success(request, _ended_message(ended))
        return redirect("account_login")
    messages.success(request, _ended_message(ended))
    return redirect("my_sessions")


@page_with_form
def preferences(request: HttpRequest) -> HttpResponse:
    """Let the user choose the theme and the time zone of their pages."""
    is_post = request.method == "POST"
    form = PreferencesForm(request.POST if is_post else None, instance=request.user)
    if is_post and form.is_valid():
        form.save()
        messages.success(request, "Preferences saved.")
        return redirect("preferences")
    status = 422 if form.errors else 200
    return render(request, "account/preferences.html", {"form": form}, status=status)


@require_POST
def end_suspension(request: HttpRequest) -> HttpResponse:
    """End the user's suspension, after they have seen its reason and proved themselves."""
    user, row = request.user, suspension.suspension_of(request.user.pk)
    assert isinstance(user, User)  # noqa: S101 - the middleware lets nobody else in
    if row is None:
        return redirect("apps")
    proof = suspension.Proof(row.proof)
    method, page = PROOFS.get(proof, ("", ""))
    if page and not reauthentication.is_recent_by(request, user, method):
        return redirect(reverse(page, query={"next": reverse("apps")}))
    try:
        suspension.prove(actor=from_request(request), user=user, proof=proof)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    else:
        messages.success(request, "Confirmed. You have access to your apps again.")
    return redirect("apps")


@page_with_form
@reauthentication_required(app="allauth.mfa")  # type: ignore[untyped-decorator]  # allauth has no types
@never_cache
def my_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Show how many recovery codes are left, or create new ones and show them once."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the middleware lets nobody else in
    if not factors.has_factor(user):
        messages.info(request, "Set up an authenticator app or a passkey first.")
        return redirect("mfa_index")
    context: dict[str, Any] = {"left": recovery_codes.remaining(user)}
    if request.method == "POST":
        context["codes"] = factors.replace_recovery_codes(actor=from_request(request), user=user)
    return render(request, "mfa/recovery_codes.html", context)


def _requested_sessions(mine: QuerySet[Session], which: str, this: UUID | None) -> list[Session]:
    match which:
        case "all":
            return list(mine)
        case "others":
            return [session for session in mine if session.number != this]
    return [session for session in mine if str(session.number) == which]


def _ended_message(count: int) -> str:
    if not count:
        return "That session has already ended."
    return "1 session ended." if count == 1 else f"{count} sessions ended."
