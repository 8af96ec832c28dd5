"""The operators' admin site."""

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest


class ConsoleAdminSite(AdminSite):
    """Operators alone; its sign-in is the console's own, with its limits."""

    site_header = site_title = "Branchkeep operators"
    index_title = "Operation"

    def has_permission(self, request: HttpRequest) -> bool:
        """Say whether this user runs the deployment."""
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


class ConsoleAdminConfig(AdminConfig):
    """Puts our site in the place of Django's."""

    default_site = "console.admin_site.ConsoleAdminSite"
