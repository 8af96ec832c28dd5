"""Confirm one's identity in place: the question, and credentials that are posted with an act.

A form that asks is shown again as it was typed, with fields for a password or code that its own
button posts. Other pages lead to re-authentication and back. With JavaScript, static/js/confirm.js
asks in a dialog before either happens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.forms import ReauthenticateForm
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from console.access.acts import ConfirmationRequired
from console.auth import reauthentication
from console.auth.mfa.adapter import ReauthenticationCodeForm
from console.models import User
from console.web.htmx import wants_fragment

PASSWORD, CODE = "confirm-password", "confirm-code"  # names of fields


@dataclass(frozen=True)
class Question:
    """What a page asks: for which act, how this user can answer, and why the answer was wrong.

    `methods` are addresses by method: reauthenticate (the password), mfa_reauthenticate (a code),
    webauthn (a passkey) and oidc.
    """

    to: str
    methods: dict[str, str]
    problem: str


class ConfirmIdentity:
    """Re-authenticates users who post credentials with an act, and asks where an act needs it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        """Check posted credentials before the view runs. Its act asks again if they are wrong."""
        if request.method != "POST" or not isinstance(request.user, User):
            return None
        try:
            _reauthenticate(request, request.user)
        except ImmediateHttpResponse as answer:  # too many attempts
            response: HttpResponse = answer.response
            return response
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Ask for an act that has no form to show again."""
        return confirm_first(request, error) if isinstance(error, ConfirmationRequired) else None


def ask(request: HttpRequest, asked: ConfirmationRequired) -> None:
    """Have the page ask: templates/account/confirm_panel.html shows the question."""
    methods = get_adapter().get_reauthentication_methods(request.user)
    request.confirmation = Question(  # type: ignore[attr-defined]  # templates read it
        asked.to,
        {method["id"].partition(":")[2] or method["id"]: method["url"] for method in methods},
        getattr(request, "confirmation_problem", ""),
    )


def confirm_first(request: HttpRequest, asked: ConfirmationRequired) -> HttpResponse:
    """Redirect to re-authentication, and from there to the page that posted.

    A fragment has a link instead.
    """
    ask(request, asked)
    address = reverse("account_reauthenticate", query={"next": _page_before(request)})
    sentence = f"To {asked.to}, confirm your identity first. Then do it again."
    if wants_fragment(request):
        context = {"address": address, "sentence": sentence}
        return render(request, "account/confirm_first.html", context, status=403)
    messages.info(request, sentence)
    return redirect(address)


def _page_before(request: HttpRequest) -> str:
    """Return the address of the page that posted this, or of the page above."""
    referer = urlsplit(request.headers.get("referer", ""))
    if referer.netloc == request.get_host():
        return referer._replace(scheme="", netloc="", fragment="").geturl()
    return urljoin(request.path, "..")


def _reauthenticate(request: HttpRequest, user: User) -> None:
    """Check credentials that were posted with an act, if there are any."""
    password, code = request.POST.get(PASSWORD), request.POST.get(CODE)
    if not (password or code):
        return
    allowed = {method["id"] for method in get_adapter().get_reauthentication_methods(user)}
    form: BaseForm
    if password and "reauthenticate" in allowed:
        form = ReauthenticateForm({"password": password}, user=user)
        if form.is_valid():
            reauthentication.confirm(request, "password")
    elif code and "mfa_reauthenticate" in allowed:
        form = ReauthenticationCodeForm({"code": code}, user=user)
        if form.is_valid():
            form.save()
    else:
        return
    problems = [text for texts in form.errors.values() for text in texts]
    problem = " ".join(map(str, problems))
    request.confirmation_problem = problem  # type: ignore[attr-defined]  # read by ask()
