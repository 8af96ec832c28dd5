"""Admin page of second factors, read-only. Users remove lost ones with a one-time link."""

from allauth.mfa.admin import Authenticator
from django.contrib import admin

from console.admin.base import ReadOnlyAdmin

# allauth's page shows the secrets, and its changes are not audited.
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Second factors, without their secrets. The users' page has the action that resets them."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    fields = list_display
