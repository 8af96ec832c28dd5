"""Admin page of the variables. It shows no values: those are for the app's members only."""

from django.contrib import admin

from console.admin.base import ReadOnlyAdmin
from envvars_app.models import Variable


@admin.register(Variable)
class VariableAdmin(ReadOnlyAdmin):
    """Keys, versions and times of variables."""

    list_display = ("key", "app", "branch", "version", "changed_at", "changed_by", "removed_at")
    list_filter = ("app", "changed_at", ("removed_at", admin.EmptyFieldListFilter))
    list_select_related = ("app", "branch")
    search_fields = ("key", "app__name", "app__app_id", "branch__name")
    fields = ("app", "branch", "key", "version", "changed_at", "changed_by", "removed_at")
