"""The parameter store, which holds the values of secrets, and the stores of hosting values."""

import functools
import os
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from secrets_app.store.base import ParameterStore

if TYPE_CHECKING:
    from secrets_app.store.secrets_manager.client import SecretsManager

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


@functools.cache
def hosting_secret_store() -> "SecretsManager":
    """Return this process's client of AWS Secrets Manager. Raises Misconfigured."""
    from secrets_app.store.secrets_manager.client import SecretsManager

    return SecretsManager(settings.AWS_REGION)


def _drop_stores() -> None:
    parameter_store.cache_clear()
    hosting_secret_store.cache_clear()


# A forked process must not share the connections of its parent.
os.register_at_fork(after_in_child=_drop_stores)


@receiver(setting_changed)
def _drop_changed_stores(*, setting: str, **_: Any) -> None:
    """Drop the stores when a test changes their settings."""
    if setting in SETTINGS:
        _drop_stores()
