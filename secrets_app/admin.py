"""Operators' page of the secrets' metadata; a value is in no page of the admin site."""

from typing import ClassVar

from django.contrib import admin

from console.admin import ReadOnly
from secrets_app.models import Secret


@admin.register(Secret)
class SecretPages(ReadOnly):
    """What the projection knows of each secret."""

    list_display: ClassVar[list[str]] = ["key", "app", "branch", "version", "changed_at", "changed_by"]
    list_filter: ClassVar[list[str]] = ["app", "changed_at"]
    list_select_related: ClassVar[list[str]] = ["app", "branch"]
    search_fields: ClassVar[list[str]] = ["key", "app__name", "app__app_id", "branch__name"]
