"""Operators' pages of people, apps, branches, members and the audit trail; changes are audited."""

from collections.abc import Callable
from typing import Any, ClassVar

from allauth.account.admin import EmailAddress
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from console import services
from console.actors import from_request
from console.audit import Action, Outcome, Target, differences, recording
from console.models import App, AuditEvent, AuditOutcome, Branch, Member, User

# Nothing here asks a group or a second address for anything, and no audit entry would tell of it
admin.site.unregister([Group, EmailAddress])


class Audited(admin.ModelAdmin):
    """Pages that change through the services, which commit the attempt before the act.

    So there is no transaction around them, as Django would have it. What a service refuses is
    told on the page.
    """

    # Django's own, which its stubs leave out
    _changeform_view: Callable[..., HttpResponse]
    _delete_view: Callable[..., HttpResponse]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form, or add or change."""
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as refusal:
            return self._refused(request, refusal)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, or delete."""
        try:
            return self._delete_view(request, object_id, extra_context)
        except ValidationError as refusal:
            return self._refused(request, refusal)

    def _refused(self, request: HttpRequest, refusal: ValidationError) -> HttpResponse:
        for message in refusal.messages:
            self.message_user(request, message, messages.ERROR)
        return redirect(request.get_full_path())

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> list[LogEntry]:
        """Log nothing: Django would before the act, which may yet be refused."""
        return []


class ReadOnly(admin.ModelAdmin):
    """Nothing can be added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return no."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return no."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return no."""
        return False


class AddUserForm(AdminUserCreationForm):
    """A new user, by email."""

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["email"]


@admin.register(User)
class UserPages(Audited, UserAdmin):
    """People. Disabling one works at his next request; deleting one is not offered."""

    _add_view: Callable[..., HttpResponse]
    add_form = AddUserForm
    ordering = ("email",)
    list_display = (
        "email",
        "is_active",
        "is_superuser",
        "last_login",
    )
    list_filter = ("is_active", "is_superuser")
    search_fields = (
        "email",
        "first_name",
        "last_name",
    )
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("first_name", "last_name")}),
        ("Rights", {"fields": ("is_active", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add a user, with no transaction around it."""
        return self._add_view(request, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save; an operator has the admin site and the other way round."""
        obj.is_staff = obj.is_superuser
        target = Target(subject=f"{obj.email}: {_said_of(obj, form.changed_data) or 'no change'}")
        with services.acting(from_request(request), Action.USER_CHANGED, target):
            super().save_model(request, obj, form, change)
            if not User.objects.filter(is_superuser=True, is_active=True).exists():
                raise ValidationError("This is the last operator. Make someone else one first.")

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Set somebody's password; it ends his sessions."""
        user = self.get_object(request, unquote(id))
        if request.method != "POST" or user is None:
            return super().user_change_password(request, id, form_url)
        target = Target(subject=f"{user.email}: password")
        with recording(from_request(request), Action.USER_CHANGED, target) as entry:
            response = super().user_change_password(request, id, form_url)
            if response.status_code != 302:
                entry.outcome, entry.detail = Outcome.FAILED, "the form was refused"
        return response

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return no: an inactive user keeps his name in the audit trail."""
        return False


def _said_of(user: User, changed: list[str]) -> str:
    """Return what the audit trail says of a saved form; a new user's password has no words."""
    before = User.objects.filter(pk=user.pk).first()
    if before is None:
        return ", ".join(changed)
    return differences(before, {name: getattr(user, name) for name in changed})


@admin.register(App)
class AppPages(ReadOnly):
    """Apps; their owners change them in the console."""

    list_display = (
        "name",
        "app_id",
        "region",
        "path_profile",
        "created_at",
    )
    list_filter = ("region", "path_profile")
    search_fields = (
        "name",
        "app_id",
        "repository",
    )


@admin.register(Branch)
class BranchPages(ReadOnly):
    """Branches; their apps' owners change them in the console."""

    list_display = (
        "name",
        "app",
        "stage",
        "production",
        "protected",
        "deleted_at",
    )
    list_filter = (
        "stage",
        "production",
        "protected",
        "app",
    )
    list_select_related = ("app",)
    search_fields = (
        "name",
        "app__name",
        "app__app_id",
    )


@admin.register(Member)
class MemberPages(Audited):
    """Members. An operator who wants to read values makes himself one here, which is audited."""

    list_display = (
        "user",
        "app",
        "role",
    )
    list_filter = ("role", "app")
    list_select_related = ("user", "app")
    search_fields = (
        "user__email",
        "app__name",
        "app__app_id",
    )
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Member | None = None) -> list[str]:
        """Fix who and where, once made."""
        return ["app", "user"] if obj else []

    def save_model(self, request: HttpRequest, obj: Member, form: Any, change: bool) -> None:
        """Set the role."""
        saved = services.set_member(
            actor=from_request(request), app=obj.app, user=obj.user, role=obj.role
        )
        obj.pk = saved.pk

    def delete_model(self, request: HttpRequest, obj: Member) -> None:
        """Remove the member."""
        services.remove_member(actor=from_request(request), member=obj)


@admin.register(AuditEvent)
class AuditEventPages(ReadOnly):
    """The audit trail's attempts."""

    list_display = (
        "at",
        "actor",
        "action",
        "app_id",
        "branch",
        "subject",
        "address",
    )
    list_filter = (
        "action",
        "actor_kind",
        "at",
    )
    search_fields = (
        "actor",
        "app_id",
        "branch",
        "subject",
        "address",
    )


@admin.register(AuditOutcome)
class AuditOutcomePages(ReadOnly):
    """How the attempts ended."""

    list_display = (
        "at",
        "event",
        "outcome",
        "version_after",
        "detail",
    )
    list_filter = ("outcome", "at")
    list_select_related = ("event",)
    search_fields = (
        "event__actor",
        "event__subject",
        "detail",
    )
