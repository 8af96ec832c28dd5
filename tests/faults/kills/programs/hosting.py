"""Kill changes to values of self-managed hosting after each call to AWS.

Prints what it found as JSON. Runs in a process of its own because it forks.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any

import django
import time_machine

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.conf import settings
from django.utils import timezone

from console.access.policy import find_app
from console.audit.reconcile import settle_open
from console.models import AuditEvent
from secrets_app.hosting.places import Kind, Place, name_of, store_of
from secrets_app.hosting.values import get_value, remove_value, set_value
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import StoreError
from tests.faults.kills.programs.steps import make_database, survives_with_aws
from tests.fixtures.moto import ENDPOINTS, REGION
from tests.fixtures.people import World

TWO_HOURS = 7200
# One act is enough for configuration: other tests kill writes to the parameter store.
KILLED = {Kind.SECRET: ("create", "change", "remove"), Kind.CONFIG: ("change",)}


def main() -> dict[str, Any]:
    """Kill each act at each step; return how often, and what was neither old nor new."""
    make_database()
    world = World()
    world.app.hosting_project = "web-shop"
    world.app.save()
    who: dict[str, Any] = {"actor": world.actor("alice"), "app_id": "d1shop"}
    kills: Counter[str] = Counter()
    wrong: list[str] = []
    for kind, names in KILLED.items():
        place = Place(kind, "prod", "KEY")
        for name, act in acts(who, place, names):
            for step in count(1):
                base = prepare(who, place, is_new=name == "create")
                if survives_with_aws(partial(act, base), step):
                    break
                kills[f"{kind} {name}"] += 1
                if (found := value(who, place)) not in EXPECTED[name]:
                    wrong.append(f"{kind} {name}, killed at step {step}: {found}")
            if (found := value(who, place)) != EXPECTED[name][-1]:
                wrong.append(f"{kind} {name}, not killed: {found}")
    with time_machine.travel(timezone.now().timestamp() + TWO_HOURS):
        settle_open(excluding=AuditEvent.objects.none())
    ends = Counter(AuditEvent.objects.values_list("outcomes__outcome", flat=True))
    return {"kills": kills, "wrong": wrong, "ends": {str(key): it for key, it in ends.items()}}


# What may be stored after a kill; the last one is what an act stores without a kill. None is no
# value. A secret that is restored before it is set has its earlier value in between.
EXPECTED: dict[str, tuple[str | None, ...]] = {
    "create": (None, "old", "new"),
    "change": ("old", "new"),
    "remove": ("old", None),
}


def acts(
    who: dict[str, Any], place: Place, names: Sequence[str]
) -> list[tuple[str, Callable[[str], object]]]:
    """Return what is killed: functions that take the version that they are based on."""

    def write(base: str) -> object:
        return set_value(**who, place=place, value=SecretValue("new"), expected=base)

    def remove(base: str) -> object:
        return remove_value(**who, place=place, expected=base)

    return [(name, remove if name == "remove" else write) for name in names]


def prepare(who: dict[str, Any], place: Place, *, is_new: bool) -> str:
    """Store the old value, or none, and return its version.

    Each save names its base version, because moto confuses labels if a save without one follows.
    """
    name = name_of(find_app(who["actor"], who["app_id"]), place)
    found = store_of(place.kind).find(name)
    version = found.version if found and not found.removed else ""
    if is_new:  # a secret that was removed is restored before it is set
        if version:
            remove_value(**who, place=place)
        return ""
    return set_value(**who, place=place, value=SecretValue("old"), expected=version).version


def value(who: dict[str, Any], place: Place) -> str | None:
    """Return what Amplify reads."""
    try:
        return get_value(**who, place=place).reveal()
    except StoreError:
        return None


if __name__ == "__main__":
    logging.disable()
    settings.PARAMETER_STORE, settings.AWS_REGION = "ssm", REGION
    os.environ |= dict.fromkeys(ENDPOINTS, sys.argv[1])
    print(json.dumps(main()))
