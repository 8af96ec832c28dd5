"""How current the projection of an app is."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from console.models import App
from secrets_app.models import Revalidation
from secrets_app.sync import turns


@dataclass(frozen=True)
class Freshness:
    """How current the projection is. `agreed_at` is when it last matched the store.

    While a pass is running, `listed` of about `expected` parameters are listed.
    """

    state: str  # "checking" | "running" | "fresh" | "unreachable"
    agreed_at: datetime | None = None
    problem: str = ""
    listed: int = 0
    expected: int = 0


def freshness(app: App) -> Freshness:
    """Return how the app's last pass ended, or how far it is."""
    return freshness_from(Revalidation.objects.filter(app=app).first())


def freshness_from(last: Revalidation | None) -> Freshness:
    """Return how the pass recorded in `last` ended, or how far it is."""
    if last is None:
        return Freshness("checking")
    if last.is_waiting or turns.is_held(last, timezone.now()):
        expected = max(last.expected, last.listed)
        return Freshness("running", last.agreed_at, "", last.listed, expected)
    if not (last.problem or last.agreed_at):
        return Freshness("checking")
    return Freshness("unreachable" if last.problem else "fresh", last.agreed_at, last.problem)
