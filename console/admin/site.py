"""The admin site and its index."""

from importlib import import_module
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator

# Names of the apps on the index, in this order
APP_NAMES = {
    "console": "Users, apps and activity",
    "auth": "Groups",
    "mfa": "Second factors",
    "socialaccount": "Single sign-on",
    "secrets_app": "Secrets",
    "envvars_app": "Environment variables",
}
# Modules of this package that register pages
PAGES = ("apps", "audit", "identities", "members", "mfa", "users")


class ConsoleAdminSite(AdminSite):
    """The admin site. Only operators may use it, and they sign in on Branchkeep's own page."""

    site_header = site_title = "Branchkeep operators"
    index_title = "Operation"
    enable_nav_sidebar = False  # lists need the room; the index is one step away

    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to Branchkeep's sign-in. Django's would not limit attempts."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied("Only operators can open these pages. Ask an operator for help.")
        then = request.GET.get("next") or reverse("admin:index")
        return redirect(reverse("account_login", query={"next": then}))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return a page for operators that asks for re-authentication before it takes a post."""
        # When this module is imported, the models are not loaded yet.
        from console.admin.asking import asking_first

        return super().admin_view(asking_first(view), cacheable)

    def password_change(  # type: ignore[override]  # Django returns a page, we a redirect
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to Branchkeep's page, which is limited and audited."""
        return redirect("account_change_password")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the apps under the names that operators know."""
        found: list[Any] = super().get_app_list(request, app_label)
        for entry in found:
            entry["name"] = APP_NAMES.get(entry["app_label"], entry["name"])
        return sorted(
            found, key=lambda entry: [*APP_NAMES, entry["app_label"]].index(entry["app_label"])
        )

    def has_permission(self, request: HttpRequest) -> bool:
        """Return True if the user is an active operator."""
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


class ConsoleAdminConfig(AdminConfig):
    """Replaces Django's admin site with ours."""

    default_site = "console.admin.site.ConsoleAdminSite"

    def ready(self) -> None:
        """Register every app's pages, then ours, some of which replace those of other apps."""
        super().ready()
        for page in PAGES:
            import_module(f"console.admin.{page}")
