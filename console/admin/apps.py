"""Admin pages of apps and branches, read-only."""

from django.contrib import admin

from console.access.branches import mark_of
from console.admin.base import ReadOnlyAdmin
from console.models import App, Branch


@admin.register(App)
class AppAdmin(ReadOnlyAdmin):
    """Apps. Their owners change them on Branchkeep's own pages."""

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
class BranchAdmin(ReadOnlyAdmin):
    """Branches. The owners of their apps change them on Branchkeep's own pages."""

    list_display = (
        "branch_name",
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

    @admin.display(description="name", ordering="sort_key")
    def branch_name(self, branch: Branch) -> str:
        """Return the name, with what can't be seen in it."""
        mark = mark_of(branch.name)
        return f"{branch} ({mark})" if mark else str(branch)
