"""Admin page of second factors. Operators can remove a lost one, which is audited."""

from allauth.mfa.admin import Authenticator
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from console.access.actors import from_request
from console.admin.base import AuditedAdmin, ReadOnlyAdmin
from console.auth import mfa as second_factors

# allauth's page shows the secrets, and its changes are not audited.
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(AuditedAdmin, ReadOnlyAdmin):
    """Second factors, without their secrets."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = list_display
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return True for an operator."""
        return self.admin_site.has_permission(request)

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """Remove the factor."""
        second_factors.remove_factor(actor=from_request(request), authenticator=obj)
