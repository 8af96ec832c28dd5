"""The parameter store, the only place that holds the values of secrets."""

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
    """Return this process's parameter store, chosen by PARAMETER_STORE.

    Raises Misconfigured or ImproperlyConfigured for an invalid region, endpoint or key.
    """
    # Imported late: the embedded store needs loaded models, and boto3 costs time and memory that
    # deployments without AWS shouldn't pay.
    if settings.PARAMETER_STORE == "ssm":
        from secrets_app.store.ssm.client import SsmStore

        return SsmStore(settings.AWS_REGION)
    from secrets_app.store.embedded.store import EmbeddedStore

    return EmbeddedStore(settings.ENCRYPTION_KEYS)


# A forked process must not share the connections of its parent.
os.register_at_fork(after_in_child=parameter_store.cache_clear)


@receiver(setting_changed)
def _drop_store(*, setting: str, **_: Any) -> None:
    """Drop the store when a test changes its settings."""
    if setting in SETTINGS:
        parameter_store.cache_clear()
