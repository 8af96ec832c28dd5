"""Operators' page of second factors: they take one from who lost it, which is audited."""

from allauth.mfa.admin import Authenticator
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from console.access.actors import from_request
from console.admin.base import Audited, ReadOnly
from console.auth import mfa as second_factors

# allauth's own pages show what is secret, and change what nobody would record
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class FactorPages(Audited, ReadOnly):
    """Second factors, without what they are made of."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = list_display
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return yes for an operator."""
        return self.admin_site.has_permission(request)

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """Take the factor away."""
        second_factors.remove_factor(actor=from_request(request), authenticator=obj)
