"""What the operators' pages stand on: those that change through services, and those that don't."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


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
