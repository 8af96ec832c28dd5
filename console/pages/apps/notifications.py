"""The page of a user's notification settings for an app, and its form."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.models.notifications import Kind
from console.notifications import outbox
from console.web.kit import app_context, call_service, form_data, page_with_form, show_form


class NotificationsForm(forms.Form):
    """A checkbox for each kind of event. None checked means no mail."""

    kinds = forms.MultipleChoiceField(
        label="Email me when",
        choices=Kind.choices,
        required=False,
        help_text=(
            "Mails say who did what, where and when, and never contain a value. Your own actions "
            "are not included. “Protected” includes All branches while any branch is protected."
        ),
        widget=forms.CheckboxSelectMultiple,
    )


@page_with_form
def notifications(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Choose the events that the user is mailed about."""
    access = find_app(from_request(request), app_id)
    chosen = outbox.subscribed_kinds(access.actor, access.app)
    form = NotificationsForm(form_data(request), initial={"kinds": chosen})
    if form.is_valid() and call_service(
        form, _subscribe, access=access, kinds=form.cleaned_data["kinds"]
    ):
        messages.success(request, _saved_message(form.cleaned_data["kinds"], access))
        return redirect("notifications", app_id=app_id)
    context = {
        **app_context(access, "notifications"),
        "mail": settings.MAIL,
        "no_mail": outbox.NO_MAIL,
        "email": access.actor.label,
    }
    return show_form(request, "console/notifications.html", form, context)


def _subscribe(access: Access, kinds: list[str]) -> bool:
    outbox.subscribe(actor=access.actor, app_id=access.app.app_id, kinds=kinds)
    return True


def _saved_message(kinds: list[str], access: Access) -> str:
    return (
        f"Saved. Mails go to {access.actor.label}." if kinds else "Saved. You won't get any mails."
    )
