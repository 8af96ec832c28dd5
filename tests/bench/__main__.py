"""Measure, and print. Ratios of one run; how fast this machine is does not matter."""

import statistics
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import boto3
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from console.actors import Actor
from console.models import App, User
from secrets_app.changes import DONE, Change
from secrets_app.models import Revalidation
from secrets_app.revalidation import check
from secrets_app.saving import save
from secrets_app.services import reveal
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from tests.bench.apps import app_of, owner
from tests.bench.wsgi import Browser, application
from tests.plugins.moto import running

ROUNDS = 60
LIST = "/apps/{}/hosting/secrets/?per_page=100"
EDIT = "/apps/{}/hosting/secrets/manage/?per_page=100"


@dataclass(frozen=True)
class Cost:
    """What one thing took: seconds, queries, calls to the parameter store, bytes answered."""

    seconds: float
    queries: int
    calls: int
    size: int = 0


def cost(act: Callable[[], bytes | None]) -> Cost:
    """Do it once, counting."""
    with CaptureQueriesContext(connection) as queries, capture_logs() as log:
        started = time.perf_counter()
        answer = act()
        seconds = time.perf_counter() - started
    calls = sum(entry["event"] == "store.call" for entry in log)
    return Cost(seconds, len(queries), calls, len(answer or b""))


def pages(user: User) -> None:
    """Compare the CPU of our pages with that of a bare page of the same rows."""
    app_of(user, "d100", 100)
    app_of(user, "d1000", 1000)
    plain = application(settings.STARTPROJECT_MIDDLEWARE)
    whole = application(settings.MIDDLEWARE)
    subjects = {
        "a bare signed-in page, 100 rows": (plain, "/bare/d100/"),
        "the same without any middleware": (application([]), "/bare/d100/open/"),
        "our list, 100 secrets": (whole, LIST.format("d100")),
        "our list, 100 of 1,000": (whole, LIST.format("d1000")),
        "our edit mode, 100 of 1,000": (whole, EDIT.format("d1000")),
    }
    asks = [partial(Browser(user, handler).get, address) for handler, address in subjects.values()]
    counts = [cost(ask) for ask in asks]
    times = _cpu(asks)
    print(f"\n{'CPU of a page':38}{'ms':>8}{'ratio':>8}{'queries':>9}{'calls':>7}{'KB':>7}")
    for name, count, mine in zip(subjects, counts, times, strict=True):
        ratio = statistics.median(a / b for a, b in zip(mine, times[0], strict=True))
        counts_of = f"{count.queries:9}{count.calls:7}{count.size / 1000:7.1f}"
        print(f"{name:38}{statistics.median(mine) * 1000:8.2f}{ratio:8.2f}{counts_of}")


def _cpu(asks: list[Callable[[], bytes]]) -> list[list[float]]:
    """Take turns, so that whatever else the machine does troubles all alike."""
    times: list[list[float]] = [[] for _ in asks]
    for _ in range(ROUNDS):
        for ask, mine in zip(asks, times, strict=True):
            started = time.process_time()
            ask()
            mine.append(time.process_time() - started)
    return times


def writes(user: User) -> None:
    """Compare saves with plain boto3 on the same moto server, and time what else asks the store."""
    actor = Actor(kind="command", label=user.email, user_id=user.pk)
    app = app_of(user, "dsave", 0)
    ssm = boto3.client("ssm", region_name=settings.AWS_REGION)
    print(f"\n{'wall clock, on moto':38}{'ms':>8}{'ratio':>8}{'queries':>9}{'calls':>7}")
    _put_raw(ssm, 0)  # both clients are made, and both are connected
    _save(actor, app, 0)
    for count in (1, 100):
        raw = cost(lambda count=count: _put_raw(ssm, count))
        _print(f"plain boto3, {count} put_parameter", raw, raw)
        ours = cost(lambda count=count: _save(actor, app, count))
        _print(f"our save of {count}, for All branches", ours, raw)
    secret = app.secrets.first()
    assert secret is not None
    one = cost(lambda: _drop(reveal(actor=actor, app_id=app.app_id, pk=secret.pk)))
    _print("a reveal", one, None)
    for number in range(1000 - app.secrets.count()):
        ssm.put_parameter(
            Name=f"/amplify/shared/dsave/OUTSIDE_{number}", Value="v", Type="SecureString"
        )
    Revalidation.objects.update(agreed_at=None)  # as if nobody had looked yet
    _print("a first check of 1,000", cost(lambda: check(app)), None)
    _print("a check that finds nothing new", cost(lambda: check(app)), None)


def _put_raw(ssm: object, count: int) -> None:
    for number in range(count or 1):
        ssm.put_parameter(  # type: ignore[attr-defined]
            Name=f"/raw/{count}/{number}", Value="a value", Type="SecureString", Overwrite=True
        )


def _save(actor: Actor, app: App, count: int) -> None:
    value = SecretValue("a value")
    changes = [Change(f"{n}", key=f"SAVED_{count}_{n}", value=value) for n in range(count or 1)]
    for start in range(0, len(changes), 10):  # as the browser sends them
        outcomes = save(
            actor=actor,
            app_id=app.app_id,
            changes=changes[start : start + 10],
            change_set=uuid.uuid4(),
        )
        assert {outcome.outcome for outcome in outcomes} <= DONE


def _drop(value: SecretValue) -> None:
    assert value.reveal()


def _print(name: str, what: Cost, against: Cost | None) -> None:
    ratio = f"{what.seconds / against.seconds:8.2f}" if against else " " * 8
    print(f"{name:38}{what.seconds * 1000:8.1f}{ratio}{what.queries:9}{what.calls:7}")


def main() -> None:
    """Run it all."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    user = owner()
    pages(user)
    with running() as moto, override_settings(PARAMETER_STORE="ssm"):
        moto.point_botocore_at_it()
        parameter_store.cache_clear()
        writes(user)


main()
