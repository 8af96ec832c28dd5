"""Admin page of identities at the OpenID provider. Operators can unlink them, which is audited."""

from allauth.socialaccount.admin import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from console.access.actors import from_request
from console.admin.base import AuditedAdmin, ReadOnlyAdmin
from console.auth.oidc import provisioning

# allauth's pages show tokens and client secrets, and their changes are not audited.
admin.site.unregister([SocialAccount, SocialApp, SocialToken])


@admin.register(SocialAccount)
class IdentityAdmin(AuditedAdmin, ReadOnlyAdmin):
    """Identities, without the claims of the last sign-in."""

    list_display = ("user", "provider", "uid", "date_joined", "last_login")
    list_select_related = ("user",)
    list_filter = ("last_login", "provider")
    search_fields = ("user__email", "uid")
    fields = list_display
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return True for an operator."""
        return self.admin_site.has_permission(request)

    def delete_model(self, request: HttpRequest, obj: SocialAccount) -> None:
        """Unlink the identity."""
        provisioning.unlink_identity(actor=from_request(request), identity=obj)
