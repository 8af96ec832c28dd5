"""Admin actions on several users at once, each with a confirmation page."""

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.html import format_html

from console.access.actors import from_request
from console.auth import account_links, sessions, users
from console.members import services
from console.models import AccountLink, User
from console.web.kit import link_to

DISABLE = (
    "They are signed out everywhere and can't sign in again until you enable them. Their roles "
    "and their names in the activity are kept."
)
END = "They are signed out everywhere, and can sign in again."
RESET = (
    "Each gets a one-time link that removes their authenticator apps, passkeys and recovery codes, "
    "once they enter their password. Make sure you know who is asking."
)
BY_MAIL = "Branchkeep emails the link to them."
BY_HAND = (
    "Branchkeep sends no mail here, so you pass the link on. Because you could use it yourself, "
    "they can't use any app until another owner of that app confirms them under Members."
)


def how_links_travel() -> str:
    """Return how users get their links here, and what follows from it."""
    return BY_MAIL if settings.MAIL else BY_HAND


class UserActions(admin.ModelAdmin):
    """Actions on users. If a service rejects one user, a message says so and the rest continue."""

    actions = ("disable", "end_sessions", "reset_factors")

    @admin.action(description="Disable and sign out everywhere")
    def disable(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Disable users."""

        def act(user: User) -> str:
            users.disable(actor=from_request(request), user=user)
            self.show_offboarding_steps(request, user)
            return f"{user.email} is disabled."

        return self._confirm_and_run(request, queryset, DISABLE, act)

    @admin.action(description="End all sessions")
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Sign users out."""

        def act(user: User) -> str:
            number = sessions.end_all(actor=from_request(request), user=user)
            if user == request.user:
                logout(request)
            return f"{user.email}: {number} session{pluralize(number)} ended."

        return self._confirm_and_run(request, queryset, END, act)

    @admin.action(description="Reset second factors")
    def reset_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Make links for users who lost their second factors."""
        links: list[tuple[User, str]] = []

        def act(user: User) -> str:
            link = self.make_link(request, user, AccountLink.Kind.FACTORS)
            links.extend([(user, link)] if link else [])
            return f"{user.email}: a link was {'made' if link else 'mailed'}."

        answer = self._confirm_and_run(request, queryset, f"{RESET} {how_links_travel()}", act)
        return self.show_links(request, links) if links else answer

    def make_link(self, request: HttpRequest, user: User, kind: AccountLink.Kind) -> str:
        """Make a one-time link; return it, or "" if it was mailed."""
        return account_links.make_link(
            actor=from_request(request),
            user=user,
            kind=kind,
            link_to=partial(link_to, request, "account_link"),
        )

    def show_links(self, request: HttpRequest, links: list[tuple[User, str]]) -> HttpResponse:
        """Show links once. They are in this response alone."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "One-time link" if len(links) == 1 else "One-time links",
            "links": links,
        }
        response = render(request, "admin/account_links.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def show_offboarding_steps(self, request: HttpRequest, user: User) -> None:
        """Show what is left to do after a user was disabled."""
        if user == request.user:
            logout(request)
        words = "Signed out everywhere: {}. Secrets to rotate: {}"
        text = format_html(words, user.email, self.known_secrets(user))
        self.message_user(request, text, messages.WARNING)
        if apps := services.ownerless_without(user):
            names = ", ".join(map(str, apps))
            words = (
                f"These apps have no owner now: {names}. Choose an owner for each under Members."
            )
            self.message_user(request, words, messages.WARNING)

    @admin.display(description="Known secrets")
    def known_secrets(self, user: User) -> str:
        """Return a link to the secrets that the user has revealed or written."""
        address = reverse("known_everywhere", args=[user.pk])
        return format_html('<a href="{}">View revealed and written secrets</a>', address)

    def _confirm_and_run(
        self,
        request: HttpRequest,
        queryset: QuerySet[User],
        consequence: str,
        act: Callable[[User], str],
    ) -> HttpResponse | None:
        """Ask for confirmation, then act on each user, ordered by email.

        The operator comes last, since they can do nothing more once they have signed themselves
        out.
        """
        chosen = sorted(queryset.order_by("email"), key=lambda user: user == request.user)
        if "confirmed" in request.POST:
            for user in chosen:
                self._run_on(request, user, act)
            return None
        action = request.POST["action"]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": getattr(self, action).short_description,
            "consequence": consequence,
            "people": chosen,
            "action": action,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return render(request, "admin/people_confirm.html", context)

    def _run_on(self, request: HttpRequest, user: User, act: Callable[[User], str]) -> None:
        try:
            self.message_user(request, act(user), messages.SUCCESS)
        except ValidationError as refusal:
            self.message_user(request, f"{user.email}: {refusal.messages[0]}", messages.ERROR)
