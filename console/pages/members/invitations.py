"""The page behind an invitation's link."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from console.access.actors import from_request
from console.auth import limiter
from console.lib.naming.branch_patterns import parse_patterns
from console.members import invitations
from console.members.services import describe_role
from console.models import App, Invitation, User
from console.pages.account.forms import PasswordForm
from console.web.kit import call_service, form_data, page_with_form

_RATES = "20/m/ip,10/h/key"  # a valid attempt costs a password hash


@login_not_required
@never_cache
@page_with_form
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """Accept an invitation as the signed-in user, or create an account with a password.

    Neither page reveals whether the address has an account.
    """
    if not limiter.consume(request, "invitation", _RATES, key=token):
        return render(request, "429.html", status=429)
    found = invitations.find_invitation(token)
    if isinstance(request.user, User):
        return _signed_in(request, request.user, found, token)
    return _anonymous(request, found, token)


def _signed_in(request: HttpRequest, user: User, found: Invitation, token: str) -> HttpResponseBase:
    form = Form(form_data(request))
    if form.is_valid():
        app = call_service(form, invitations.accept, actor=from_request(request), token=token)
        if app:
            return _welcome(request, app)
    return _page(request, found, form, "accept" if user.email == found.email else "other")


def _anonymous(request: HttpRequest, found: Invitation, token: str) -> HttpResponseBase:
    if request.method == "POST" and not _takes_passwords():
        raise PermissionDenied("You can't choose a password here. Sign in, then join.")
    form = PasswordForm(form_data(request), email=found.email)
    if form.is_valid():
        made = call_service(
            form,
            invitations.accept_with_new_account,
            actor=from_request(request),
            token=token,
            password=form.cleaned_data["password1"],
        )
        if made:
            user, app = made
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            return _welcome(request, app)
    return _page(request, found, form, "new")


def _takes_passwords() -> bool:
    """Return True if the page may create an account with a password.

    With single sign-on that needs an address proved by mail. Otherwise an inviter could create an
    account in someone else's name and keep its password when that person signs on to it.
    """
    return settings.PASSWORD_SIGN_IN and (settings.MAIL or not settings.OIDC_ISSUER)


def _welcome(request: HttpRequest, app: App) -> HttpResponseBase:
    messages.success(request, f"You are now a member of {app.name}.")
    return redirect("overview", app_id=app.app_id)


def _page(request: HttpRequest, found: Invitation, form: Form, page_kind: str) -> HttpResponse:
    context = {
        "invitation": found,
        "role": describe_role(found.role, parse_patterns(found.patterns)),
        "form": form,
        "who": page_kind,
        "passwords": _takes_passwords(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "account/invited.html", context, status=status)
