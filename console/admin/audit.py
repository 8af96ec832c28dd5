"""Admin pages of the audit trail, read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from console.admin.base import ReadOnlyAdmin
from console.audit.queries import with_outcomes
from console.models import AuditEvent, AuditOutcome


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Attempts, each with its latest outcome."""

    list_display = (
        "when",
        "actor",
        "action",
        "place",
        "subject",
        "outcome",
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        return with_outcomes(super().get_queryset(request))

    @admin.display(description="when (UTC)", ordering="at")
    def when(self, event: AuditEvent) -> str:
        """Return the time to the second."""
        return f"{event.at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="app and branch", ordering="app_id")
    def place(self, event: AuditEvent) -> str:
        """Return the app ID and branch."""
        return " / ".join(filter(None, (event.app_id, event.branch)))

    @admin.display(description="outcome", ordering="last_outcome")
    def outcome(self, event: Any) -> str:
        """Return the latest outcome."""
        return event.last_outcome or "attempted"


@admin.register(AuditOutcome)
class AuditOutcomeAdmin(ReadOnlyAdmin):
    """Outcomes of attempts."""

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
