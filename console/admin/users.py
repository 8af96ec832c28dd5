"""Admin pages of users. Changes are audited."""

from collections.abc import Callable
from typing import Any, ClassVar

from allauth.account.admin import EmailAddress
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from console.access.actors import from_request
from console.admin.base import AuditedAdmin
from console.admin.user_actions import UserActions
from console.audit.events import (
    Action,
    Outcome,
    Target,
    audited_transaction,
    differences,
    recording,
)
from console.auth import sessions, users
from console.models import User

admin.site.unregister(EmailAddress)  # an account has one address, its own

FIELD_TEXTS = {
    "is_active": (
        "Active",
        "Clear this to disable the account and sign it out everywhere. Its name stays in the "
        "activity.",
    ),
    "is_superuser": (
        "Operator",
        "Operators manage Branchkeep: these pages, new apps and users. They can't read secret "
        "values unless they are members.",
    ),
}


class AddUserForm(AdminUserCreationForm):
    """A new user, identified by email."""

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
        "set_password",
        "known_secrets",
        "activity",
        "last_login",
        "date_joined",
    )
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "set_password")}),
        ("Name", {"fields": ("first_name", "last_name")}),
        ("Permissions", {"fields": ("is_active", "is_superuser")}),
        ("Activity", {"fields": ("last_login", "date_joined", "activity", "known_secrets")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

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
        """Save the user. Operators, and only they, may use the admin site."""
        obj.is_staff = obj.is_superuser
        target = Target(
            subject=f"{obj.email}: {_describe_changes(obj, form.changed_data) or 'no change'}"
        )
        with audited_transaction(from_request(request), Action.USER_CHANGED, target):
            super().save_model(request, obj, form, change)
            users.require_an_operator()

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
    def set_password(self, user: User) -> str:
        """Return a link to set a new password. Nothing about the old one is shown."""
        address = reverse("admin:auth_user_password_change", args=[user.pk])
        text = "Set a new password" if user.has_usable_password() else "No password. Set one"
        return format_html('<a href="{}">{}</a>', address, text)

    @admin.display(description="Activity")
    def activity(self, user: User) -> str:
        """Return a link to the user's activity."""
        address = reverse("all_activity", query={"person": user.email})
        return format_html('<a href="{}">View activity</a>', address)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Set a user's password, and end their sessions except the current one."""
        user = self.get_object(request, unquote(id))
        if request.method != "POST" or user is None:
            return super().user_change_password(request, id, form_url)
        target = Target(subject=f"{user.email}: password")
        with recording(from_request(request), Action.USER_CHANGED, target) as record:
            response = super().user_change_password(request, id, form_url)
            if response.status_code != 302:
                record.outcome, record.detail = Outcome.FAILED, "the form was not valid"
        if record.outcome is Outcome.SUCCEEDED:
            others = sessions.other_sessions(request, user)
            sessions.end(actor=from_request(request), user=user, sessions=others)
        return response

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: the audit trail refers to inactive users."""
        return False


def _describe_changes(user: User, changed: list[str]) -> str:
    """Return the changes for the audit trail. A new user's password is not described."""
    before = User.objects.filter(pk=user.pk).first()
    if before is None:
        return ", ".join(changed)
    return differences(before, {name: getattr(user, name) for name in changed})
