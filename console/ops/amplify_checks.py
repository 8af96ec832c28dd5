"""The doctor's checks of Amplify, which is called only on demand."""

from django.conf import settings
from django.contrib.auth.models import Group

from console.amplify import service
from console.amplify.errors import AccessDenied, AmplifyError
from console.lib.health import CheckResult
from console.models import Connection

NAME = "Amplify"
OFF = "AMPLIFY is off, so no app can be connected."
NOT_ASKED = "Amplify was not called."
SHOWN = 5  # apps


def amplify(*, ask: bool) -> CheckResult:
    """Check, if it may ask, that Amplify answers and permits listing apps."""
    if not service.is_on() or not ask:
        return CheckResult.skipped(NAME, NOT_ASKED if service.is_on() else OFF)
    try:
        service.service().ping()
    except AccessDenied as error:
        hint = (
            "Allow amplify:ListApps for Branchkeep's identity. See docs/deploy.md for the policy."
        )
        return CheckResult.error(NAME, error.message, hint)
    except AmplifyError as error:
        hint = f"Amplify returned {error.code}. See docs/operations.md."
        return CheckResult.error(NAME, error.message, hint)
    return CheckResult.ok(NAME, "Amplify answers, and lets Branchkeep list apps.")


def connected_apps() -> CheckResult:
    """Check that AMPLIFY is on if apps are connected, and that each could be read."""
    name = "Connected apps"
    number = Connection.objects.count()
    if number and not service.is_on():
        return CheckResult.warning(
            name,
            f"Connected apps: {number:,}. AMPLIFY is off, so nothing is synchronized.",
            "Set AMPLIFY to “on”, or disconnect the apps.",
        )
    failed = Connection.objects.exclude(problem="").select_related("app").order_by("app__app_id")
    if found := [f"{it.app.app_id} ({it.problem})" for it in failed]:
        more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
        return CheckResult.warning(
            name,
            f"Amplify could not be read for {', '.join(found[:SHOWN])}{more}.",
            "See “Error messages” in docs/operations.md. After AccessDenied, check the policy; "
            "after NotFound, the app was deleted in Amplify: disconnect it.",
        )
    group = settings.AMPLIFY_OWNER_GROUP
    if group and not Group.objects.filter(name=group).exists():
        return CheckResult.warning(
            name,
            f"AMPLIFY_OWNER_GROUP is “{group}”, but there is no such group.",
            "Create the group in the admin, or correct the setting. Until then, no app can be "
            "imported.",
        )
    if not number:
        return CheckResult.ok(name, "No app is connected to Amplify.")
    return CheckResult.ok(name, f"Connected apps: {number:,}. Each could be read when last tried.")
