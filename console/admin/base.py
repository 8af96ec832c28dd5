"""Base classes for admin pages: audited and read-only."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import BaseModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

CONFIRM = "Nothing was saved yet. Confirm your identity, then save."


class AuditedAdmin(admin.ModelAdmin):
    """Pages that change data through the services, which commit the audit event before the act.

    Django would wrap each request in a transaction, and the event would not be committed first. So
    the views without one are used. What a service rejects is shown as a message.
    """

    # Django's views without a transaction, which its stubs leave out
    _changeform_view: Callable[..., HttpResponse]
    _delete_view: Callable[..., HttpResponse]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as refusal:
            return self._refused(request, refusal)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return self._delete_view(request, object_id, extra_context)
        except ValidationError as refusal:
            return self._refused(request, refusal)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the form. It is not valid while the page asks for re-authentication."""
        form = super().get_form(request, *args, **kwargs)
        return _asking(form) if getattr(request, "confirmation", None) else form

    def _refused(self, request: HttpRequest, refusal: ValidationError) -> HttpResponse:
        for message in refusal.messages:
            self.message_user(request, message, messages.ERROR)
        return redirect(request.get_full_path())

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> list[LogEntry]:
        """Log nothing. Django would log before the act, which may still be rejected."""
        return []


def _asking(form: type[BaseModelForm]) -> type[BaseModelForm]:
    """Return the form with a check that always fails, so that nothing is saved."""

    def clean(self: Any) -> dict[str, Any] | None:
        fields: dict[str, Any] | None = form.clean(self)
        self.add_error(None, CONFIRM)
        return fields

    return type(form.__name__, (form,), {"clean": clean})


class ReadOnlyAdmin(admin.ModelAdmin):
    """Pages on which nothing can be added, changed or deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
