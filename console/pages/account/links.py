"""The page behind a one-time link: choose a password, or remove second factors."""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from console.access.actors import from_request
from console.auth import account_links, limiter, rate_limits
from console.models import AccountLink, User
from console.pages.account.forms import PasswordForm
from console.web.kit import form_data, page_with_form, show_form

_RATES = "20/m/ip,10/h/key"  # a valid attempt costs a password hash
DONE = {
    AccountLink.Kind.PASSWORD.value: "Your new password is saved. Sign in with it.",
    AccountLink.Kind.FACTORS.value: (
        "Your second factors are removed. Sign in, then set up new ones."
    ),
}


class RemoveFactorsForm(forms.Form):
    """The password that proves that the user, and not only their mailbox, removes the factors."""

    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user
        if not (settings.PASSWORD_SIGN_IN and user.has_usable_password()):
            del self.fields["password"]  # single sign-on asks instead

    def clean_password(self) -> str:
        """Count the attempt as at sign-in, then check the password."""
        usage = rate_limits.consume(self.request, self.user.email)
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise forms.ValidationError("This password is incorrect.")
        usage.rollback()
        return password


@login_not_required
@never_cache
@sensitive_post_parameters()
@page_with_form
def account_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Set a password or remove second factors, for anyone with a valid link."""
    try:
        response = _answer(request, token)
    except ImmediateHttpResponse as limited:
        response = limited.response
    # The address is a credential. `no-referrer` would also make the Origin of the form "null".
    response["Referrer-Policy"] = "strict-origin"
    return response


def _answer(request: HttpRequest, token: str) -> HttpResponseBase:
    if not limiter.consume(request, "account_link", _RATES, key=token):
        return render(request, "429.html", status=429)
    link = account_links.find_link(token)
    is_password = link.kind == AccountLink.Kind.PASSWORD
    if is_password and not settings.PASSWORD_SIGN_IN:
        raise PermissionDenied(account_links.NO_PASSWORDS)
    form: forms.Form = (
        PasswordForm(form_data(request), email=link.user.email)
        if is_password
        else RemoveFactorsForm(form_data(request), request=request, user=link.user)
    )
    if not form.is_valid():
        return show_form(request, "account/link.html", form, {"link": link})
    actor = from_request(request)
    if is_password:
        password = form.cleaned_data["password1"]
        account_links.set_password(actor=actor, token=token, password=password)
    else:
        account_links.remove_factors(actor=actor, token=token)
    messages.success(request, DONE[link.kind])
    return redirect("account_login")
