"""Admin page of the secrets' metadata. The admin shows no values."""

from django.contrib import admin

from console.admin.base import ReadOnlyAdmin
from secrets_app.models import Secret


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    """The secrets in the projection."""

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
