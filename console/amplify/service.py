"""This process's access to AWS Amplify, if the setting AMPLIFY turns it on."""

import functools
import os
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from console.amplify.base import AmplifyService
from console.amplify.errors import Misconfigured

SETTINGS = {"AMPLIFY", "AWS_REGION"}


def is_on() -> bool:
    """Return True if apps can be connected to Amplify."""
    return str(settings.AMPLIFY) == "on"


@functools.cache
def service() -> AmplifyService:
    """Return this process's client.

    Raises Misconfigured if AMPLIFY is off, or for an invalid region or endpoint.
    """
    if not is_on():
        raise Misconfigured(
            "Branchkeep doesn't call Amplify. Ask an operator to set AMPLIFY to “on”.",
            code="TurnedOff",
        )
    # Imported late: boto3 costs time and memory that deployments without AWS shouldn't pay.
    from console.amplify.client import Amplify

    return Amplify(settings.AWS_REGION)


# A forked process must not share the connections of its parent.
os.register_at_fork(after_in_child=service.cache_clear)


@receiver(setting_changed)
def _drop_client(*, setting: str, **_: Any) -> None:
    """Drop the client when a test changes its settings."""
    if setting in SETTINGS:
        service.cache_clear()
