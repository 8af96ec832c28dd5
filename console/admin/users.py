"""Admin pages of users. Changes are audited."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar

from allauth.account.admin import EmailAddress
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html

from console.access.actors import from_request
from console.admin.base import AuditedAdmin
from console.admin.user_actions import UserActions, how_links_travel
from console.audit.events import Action, Target, audited_transaction, differences
from console.auth import account_links, sessions, users
from console.members import suspension
from console.models import AccountLink, User

admin.site.unregister(EmailAddress)  # an account has one address, its own

FIELD_TEXTS = {
    "email": (
        "Email address",
        "A new address suspends the person's access to apps until they confirm their identity with "
        "their password, or another owner of each app confirms them.",
    ),
    "is_active": (
        "Active",
        "Clear this to disable the account and sign it out everywhere. Its name stays in the "
        "activity. An account that is enabled again has no access until another owner of each app "
        "confirms it.",
    ),
    "is_superuser": (
        "Operator",
        "Operators manage Branchkeep: these pages, new apps and users. They can't read secret "
        "values unless they are members.",
    ),
}


BY_LINK = (
    "They get a one-time link and choose a password themselves. Until then, the old password works."
)


class AddUserForm(forms.ModelForm):
    """A new user, identified by email. They choose their password with a one-time link."""

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["email"]


@admin.register(User)
class ConsoleUserAdmin(AuditedAdmin, UserActions, UserAdmin):
    """Users. Disabling one ends their sessions. Users are never deleted."""

    _add_view: Callable[..., HttpResponse]
    add_form = AddUserForm
    ordering = ("email",)
    list_display = (
        "email",
        "is_active",
        "operator",
        "last_login",
    )
    list_filter = ("is_active", "is_superuser")
    search_fields = (
        "email",
        "first_name",
        "last_name",
    )
    readonly_fields = (
        "password_link",
        "known_secrets",
        "activity",
        "last_login",
        "date_joined",
    )
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "password_link")}),
        ("Name", {"fields": ("first_name", "last_name")}),
        ("Permissions", {"fields": ("is_active", "is_superuser")}),
        ("Activity", {"fields": ("last_login", "date_joined", "activity", "known_secrets")}),
    )
    add_fieldsets = ((None, {"fields": ("email",)}),)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the form with our labels and help texts."""
        form = super().get_form(request, *args, **kwargs)
        for name, (label, help_text) in FIELD_TEXTS.items():
            if name in form.base_fields:
                form.base_fields[name].label, form.base_fields[name].help_text = label, help_text
        return form

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add a user, without a transaction around it (see AuditedAdmin)."""
        return self._add_view(request, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save the user. Operators, and only they, may use the admin site.

        A new email address or an account that is enabled again would let an operator act as the
        user, so they suspend the user.
        """
        if not change:
            obj.set_unusable_password()
        obj.is_staff = obj.is_superuser
        actor, before = from_request(request), User.objects.filter(pk=obj.pk).first()
        what = _describe_changes(before, obj, form.changed_data)
        with ExitStack() as steps:
            suspends = before is not None and _lets_others_in(before, obj)
            if before is not None and suspends:
                steps.enter_context(
                    suspension.recording_change(
                        actor, Action.ACCOUNT_CHANGED, before, f"{what}; {suspension.SUSPENDED}"
                    )
                )
            target = Target(subject=f"{obj.email}: {what or 'no change'}")
            steps.enter_context(audited_transaction(actor, Action.USER_CHANGED, target))
            super().save_model(request, obj, form, change)
            users.require_an_operator()
            if before is not None and suspends:
                proof = _proof_after(before, obj)
                suspension.suspend(obj, reason=f"{actor.label} changed {what}"[:200], proof=proof)
        if before is not None and before.email != obj.email:
            account_links.tell_old_address(actor=actor, address=before.email)

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Mail the new user the link to choose a password, or show it."""
        response = super().response_add(request, obj, post_url_continue)
        if not settings.PASSWORD_SIGN_IN:
            return response
        try:
            link = self._password_link(request, obj)
        except ValidationError as refusal:
            self.message_user(request, refusal.messages[0], messages.ERROR)
            return response
        return self.show_links(request, [(obj, link)]) if link else response

    def response_change(self, request: HttpRequest, obj: User) -> HttpResponse:
        """Sign a disabled user out, so that enabling them again doesn't revive their sessions."""
        response = super().response_change(request, obj)
        if not obj.is_active:
            sessions.end_all(actor=from_request(request), user=obj)
            self.show_offboarding_steps(request, obj)
        return response

    @admin.display(description="operator", ordering="is_superuser")
    def operator(self, user: User) -> str:
        """Return "yes" for operators.

        Others get no "no", which Django would show as a failure icon.
        """
        return "yes" if user.is_superuser else ""

    @admin.display(description="Password")
    def password_link(self, user: User) -> str:
        """Return a link to the page that makes a one-time link. Operators set no passwords."""
        if not settings.PASSWORD_SIGN_IN:
            return "Not used here"
        address = reverse("admin:auth_user_password_change", args=[user.pk])
        text = "Make a link for a new password" if user.has_usable_password() else "Make a link"
        return format_html('<a href="{}">{}</a>', address, text)

    @admin.display(description="Activity")
    def activity(self, user: User) -> str:
        """Return a link to the user's activity."""
        address = reverse("all_activity", query={"person": user.email})
        return format_html('<a href="{}">View activity</a>', address)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Make a one-time link for a new password, after a confirmation page."""
        user = self.get_object(request, unquote(id))
        if user is None:
            raise Http404("User not found.")
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "opts": self.model._meta,
                "title": "One-time link for a new password",
                "consequence": f"{BY_LINK} {how_links_travel()}",
                "people": [user],
                "back": reverse("admin:console_user_change", args=[user.pk]),
            }
            return render(request, "admin/people_confirm.html", context)
        try:
            link = self._password_link(request, user)
        except ValidationError as refusal:
            return self._refused(request, refusal)
        if link:
            return self.show_links(request, [(user, link)])
        return redirect("admin:console_user_change", user.pk)

    def _password_link(self, request: HttpRequest, user: User) -> str:
        link = self.make_link(request, user, AccountLink.Kind.PASSWORD)
        if not link:
            words = f"A link to choose a password was mailed to {user.email}."
            self.message_user(request, words, messages.SUCCESS)
        return link

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: the audit trail refers to inactive users."""
        return False


def _describe_changes(before: User | None, user: User, changed: list[str]) -> str:
    """Return the changes for the audit trail."""
    if before is None:
        return ", ".join(changed)
    return differences(before, {name: getattr(user, name) for name in changed})


def _lets_others_in(before: User, user: User) -> bool:
    """Return True if the change could let someone else sign in, or sign in again."""
    if suspension.is_unused(before):
        return False
    return before.email != user.email or (user.is_active and not before.is_active)


def _proof_after(before: User, user: User) -> suspension.Proof:
    """Return what proves the user: the password, unless the account was disabled."""
    is_same = before.is_active and before.has_usable_password() and settings.PASSWORD_SIGN_IN
    return suspension.Proof.PASSWORD if is_same else suspension.Proof.OWNERS
