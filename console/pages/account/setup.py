"""The page behind the set-up link: it makes the first operator."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.management import call_command
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from console.access.actors import from_request
from console.auth import bootstrap
from console.auth.bootstrap import create_first_operator
from console.pages.account.forms import SetupForm
from console.web.kit import form_data, page_with_form, show_form


@login_not_required
@page_with_form
def first_operator(request: HttpRequest, token: str) -> HttpResponseBase:
    """Create the first operator for anyone with a valid set-up link."""
    if not bootstrap.is_open(token):
        raise Http404("This set-up link has been used or has expired.")
    form = SetupForm(form_data(request))
    if not form.is_valid():
        return show_form(request, "console/setup.html", form, {})
    fields = form.cleaned_data
    user = create_first_operator(
        actor=from_request(request), email=fields["email"], password=fields["password1"]
    )
    if fields["sample_app"]:
        # Through a command, because the core must not import the feature apps.
        call_command("sample_app", owner=user.email, verbosity=0)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    messages.success(request, "Branchkeep is set up. Welcome!")
    return redirect("apps")
