"""Operators' pages of apps and branches, read-only."""

from django.contrib import admin

from console.admin.base import ReadOnly
from console.models import App, Branch


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
