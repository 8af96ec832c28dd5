"""What operators do to several people at once, each after a page that asks whether to."""

from collections.abc import Callable

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
from console.auth import sessions, users
from console.members import services
from console.models import User

DISABLE = (
    "They are signed out everywhere and can't sign in again until you enable them. Their roles "
    "and their names in the activity are kept."
)
END = "They are signed out everywhere, and can sign in again."
RESET = (
    "This removes their authenticator apps, passkeys and recovery codes, so a password alone is "
    "enough to sign in. Make sure you know who is asking."
)


class PeopleActions(admin.ModelAdmin):
    """Actions of the list of people. What a service refuses for one is told, and the others go."""

    actions = ("disable", "end_sessions", "reset_factors")

    @admin.action(description="Disable and sign out everywhere")
    def disable(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Disable people."""

        def act(user: User) -> str:
            users.disable(actor=from_request(request), user=user)
            self.off_board(request, user)
            return f"{user.email} is disabled."

        return self._confirmed(request, queryset, DISABLE, act)

    @admin.action(description="End all sessions")
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Sign people out."""

        def act(user: User) -> str:
            number = sessions.end_all(actor=from_request(request), user=user)
            if user == request.user:
                logout(request)
            return f"{user.email}: {number} session{pluralize(number)} ended."

        return self._confirmed(request, queryset, END, act)

    @admin.action(description="Reset second factors")
    def reset_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Take second factors from who lost them."""

        def act(user: User) -> str:
            number = users.reset_second_factors(actor=from_request(request), user=user)
            return f"{user.email}: {number} second factor{pluralize(number)} removed."

        return self._confirmed(request, queryset, RESET, act)

    def off_board(self, request: HttpRequest, user: User) -> None:
        """Tell what is left to do for who was disabled."""
        if user == request.user:
            logout(request)
        words = "Signed out everywhere: {}. Secrets to rotate: {}"
        said = format_html(words, user.email, self.known_secrets(user))
        self.message_user(request, said, messages.WARNING)
        if apps := services.ownerless_without(user):
            names = ", ".join(map(str, apps))
            words = (
                f"These apps have no owner now: {names}. Choose an owner for each under Members."
            )
            self.message_user(request, words, messages.WARNING)

    @admin.display(description="Known secrets")
    def known_secrets(self, user: User) -> str:
        """Return a link to what somebody revealed or wrote."""
        address = reverse("known_everywhere", args=[user.pk])
        return format_html('<a href="{}">View revealed and written secrets</a>', address)

    def _confirmed(
        self,
        request: HttpRequest,
        queryset: QuerySet[User],
        consequence: str,
        act: Callable[[User], str],
    ) -> HttpResponse | None:
        """Ask first; then act on each, by email, but on oneself last: whoever signs himself out
        does nothing more.
        """
        chosen = sorted(queryset.order_by("email"), key=lambda user: user == request.user)
        if "confirmed" in request.POST:
            for user in chosen:
                self._told(request, user, act)
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

    def _told(self, request: HttpRequest, user: User, act: Callable[[User], str]) -> None:
        try:
            self.message_user(request, act(user), messages.SUCCESS)
        except ValidationError as refusal:
            self.message_user(request, f"{user.email}: {refusal.messages[0]}", messages.ERROR)
