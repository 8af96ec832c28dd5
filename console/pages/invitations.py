"""The page that an invitation's link opens, for whoever holds it."""

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
from console.lib.branch_patterns import read
from console.members import invitations
from console.members.services import describe_role
from console.models import App, Invitation, User
from console.pages.app_forms import PasswordForm
from console.web.kit import page_with_form, posted, saved_by

_RATES = "20/m/ip,10/h/key"  # tries; a right one costs a password's hash


@login_not_required
@never_cache
@page_with_form
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """Let the invited person in: who is signed in accepts, anybody else chooses a password.

    Whether the address has an account shows in neither page.
    """
    if not limiter.consume(request, "invitation", _RATES, key=token):
        return render(request, "429.html", status=429)
    found = invitations.find_invitation(token)
    if isinstance(request.user, User):
        return _signed_in(request, request.user, found, token)
    return _anonymous(request, found, token)


def _signed_in(request: HttpRequest, user: User, found: Invitation, token: str) -> HttpResponseBase:
    form = Form(posted(request))
    if form.is_valid():
        app = saved_by(form, invitations.accept, actor=from_request(request), token=token)
        if app:
            return _welcome(request, app)
    return _page(request, found, form, "accept" if user.email == found.email else "other")


def _anonymous(request: HttpRequest, found: Invitation, token: str) -> HttpResponseBase:
    if request.method == "POST" and not _takes_passwords():
        raise PermissionDenied("You can't choose a password here. Sign in, then join.")
    form = PasswordForm(posted(request), email=found.email)
    if form.is_valid():
        made = saved_by(
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
    """Say whether the page makes an account with a password.

    Where a provider tells who somebody is, it does so for addresses that a mail has proved alone:
    an inviter could else make an account in another's name, and keep its password when that person
    signs on to it.
    """
    return settings.PASSWORD_SIGN_IN and (settings.MAIL or not settings.OIDC_ISSUER)


def _welcome(request: HttpRequest, app: App) -> HttpResponseBase:
    messages.success(request, f"You are now a member of {app.name}.")
    return redirect("overview", app_id=app.app_id)


def _page(request: HttpRequest, found: Invitation, form: Form, who: str) -> HttpResponse:
    context = {
        "invitation": found,
        "role": describe_role(found.role, parse_patterns(found.patterns)),
        "form": form,
        "who": who,
        "passwords": _takes_passwords(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "account/invited.html", context, status=status)
