"""What Amplify holds of an app, read once, and who takes it in.

Importing and refreshing a connected app read Amplify once. Each feature app that keeps a part of
what was read (variables, build specifications) registers a consumer when Django starts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from console.access.policy import Access
from console.amplify.base import AmplifyApp, AmplifyBranch, AmplifyService


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An app and its branches, as Amplify held them between `read_at` and a moment later."""

    app: AmplifyApp
    branches: Sequence[AmplifyBranch]
    read_at: datetime


def read_snapshot(service: AmplifyService, app_id: str) -> Snapshot:
    """Return what Amplify holds now: one call for the app, one per 50 branches.

    Raises AmplifyError.
    """
    read_at = timezone.now()
    return Snapshot(service.app(app_id), service.branches(app_id), read_at)


# Called with the app's access and what was read, after the app's branches have been stored.
Consumer = Callable[[Access, Snapshot], None]

_consumers: list[Consumer] = []


def register(consumer: Consumer) -> None:
    """Add a consumer. Registering it again changes nothing."""
    if consumer not in _consumers:
        _consumers.append(consumer)


def consumers() -> Sequence[Consumer]:
    """Return the registered consumers."""
    return tuple(_consumers)
