"""Operators' page of the secrets' metadata; a value is in no page of the admin site."""

from django.contrib import admin

from console.admin.base import ReadOnly
from secrets_app.models import Secret


@admin.register(Secret)
class SecretPages(ReadOnly):
    """What the projection knows of each secret."""

    list_display = (
        "key",
        "app",
        "branch",
        "version",
        "changed_at",
        "changed_by",
    )
    list_filter = (
        "app",
        "changed_at",
    )
    list_select_related = (
        "app",
        "branch",
    )
    search_fields = (
        "key",
        "app__name",
        "app__app_id",
        "branch__name",
    )
