"""The parameter store: where every secret's value is, and nowhere else."""

import functools
import os
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from secrets_app.store.base import ParameterStore

SETTINGS = {"PARAMETER_STORE", "AWS_REGION", "ENCRYPTION_KEYS"}


@functools.cache
def parameter_store() -> ParameterStore:
    """Return this process's parameter store, as PARAMETER_STORE chooses; made at the first call.

    Raises Misconfigured or ImproperlyConfigured for a region, an endpoint or a key that isn't one.
    """
    # Imported here: models can't be at start, and boto3 takes time and memory of those without AWS
    if settings.PARAMETER_STORE == "ssm":
        from secrets_app.store.ssm.client import SsmStore

        return SsmStore(settings.AWS_REGION)
    from secrets_app.store.embedded.store import EmbeddedStore

    return EmbeddedStore(settings.ENCRYPTION_KEYS)


# Two processes on one connection would read each other's answers
os.register_at_fork(after_in_child=parameter_store.cache_clear)


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    """Make the store anew when a test changes what it was made from."""
    if setting in SETTINGS:
        parameter_store.cache_clear()
