"""Forget what was synchronized when an app is disconnected. What Amplify held before stays."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from console.audit.events import Outcome, conclude_all
from console.models import Connection
from envvars_app.models import SyncedBuildSpec, SyncedScope, SyncedVariable

DISCONNECTED = "The app was disconnected from Amplify."


@receiver(post_delete, sender=Connection)
def forget(*, instance: Connection, **_: Any) -> None:
    """Delete the rows of both sides, and conclude the pushes that won't happen.

    The next connection compares everything again, as if it were the first.
    """
    with transaction.atomic():
        for model in (SyncedVariable, SyncedBuildSpec):
            rows = model.objects.filter(scope__app=instance.app_id)
            events = [*rows.exclude(event_id=None).values_list("event_id", flat=True)]
            conclude_all((event, Outcome.FAILED, None, DISCONNECTED) for event in events)
            rows.delete()
        SyncedScope.objects.filter(app=instance.app_id).update(
            read_at=None, problem="", auto_branch={}
        )
