"""The page on which somebody chooses what an app mails him about."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from console.access.actors import from_request
from console.access.policy import Access, find_app
from console.notifications import outbox
from console.pages.notification_forms import NoticesForm
from console.web.kit import app_context, page_with_form, posted, saved_by, show_form


@page_with_form
def notifications(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Choose the events; each member does so for himself."""
    access = find_app(from_request(request), app_id)
    chosen = outbox.subscribed_kinds(access.actor, access.app)
    form = NoticesForm(posted(request), initial={"kinds": chosen})
    if form.is_valid() and saved_by(form, _choose, access=access, kinds=form.cleaned_data["kinds"]):
        messages.success(request, _said(form.cleaned_data["kinds"], access))
        return redirect("notifications", app_id=app_id)
    context = {
        **app_context(access, "notifications"),
        "mail": settings.MAIL,
        "no_mail": outbox.NO_MAIL,
        "email": access.actor.label,
    }
    return show_form(request, "console/notifications.html", form, context)


def _choose(access: Access, kinds: list[str]) -> bool:
    outbox.subscribe(actor=access.actor, app_id=access.app.app_id, kinds=kinds)
    return True


def _said(kinds: list[str], access: Access) -> str:
    return (
        f"Saved. Mails go to {access.actor.label}." if kinds else "Saved. You won't get any mails."
    )
