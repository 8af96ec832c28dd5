"""Run a trial: many users at the same few secrets, on consoles that are killed and restarted.

The process that runs it has Django set up on the consoles' database, and reads the result there.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.utils import timezone

from console.audit import chain
from console.auth.hashers import Argon2
from console.models import App, AuditEvent, Branch, Member, User, scope_name
from secrets_app.locations import locate_secret, mirror_state
from secrets_app.models import Revalidation, Secret
from tests.fixtures.moto import REGION, Moto
from tests.fixtures.people import PASSWORD
from tests.soak.replicas import journal
from tests.soak.replicas.records import Event, Kill, Outcome, ProjectedRow, Records, ScopedKey
from tests.soak.replicas.server import Server, copy_started_to, running
from tests.soak.replicas.simulated_user import SimulatedUser
from tests.soak.replicas.web_user import WebUser

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

KEYS = ("API_KEY", "DB_URL", "TOKEN")
USERS = 20
BIN = "/amplify/branchkeep-bin/"


@dataclass(frozen=True)
class Replicas:
    """Consoles on one database and one parameter store."""

    servers: list[Server]
    moto: Moto
    journal: Path

    @property
    def ports(self) -> list[int]:
        """The consoles' ports, as a load balancer would know them."""
        return [server.port for server in self.servers]


@dataclass(frozen=True)
class TrialApp:
    """An app, the scopes of its secrets, and its users' addresses."""

    app: App
    scopes: tuple[Branch | None, ...]
    emails: list[str]

    @property
    def secrets(self) -> list[ScopedKey]:
        """Every key in every scope."""
        return [(scope_name(branch), key) for branch in self.scopes for key in KEYS]


@contextmanager
def running_replicas(folder: Path, count: int = 2, slowest_read: float = 0.0) -> Iterator[Replicas]:
    """Run consoles on this process's database, and a parameter store with a journal.

    `slowest_read` is how many seconds the store takes at most for a read.
    """
    file = folder / "journal"
    with journal.running(file, slowest_read) as moto:
        copy = copy_started_to(folder / "console")
        servers = [Server(copy, _environment(moto)) for _ in range(count)]
        with running(*servers):
            yield Replicas(servers, moto, file)


def _environment(moto: Moto) -> dict[str, str]:
    shared = ("SECRET_KEY", "ENCRYPTION_KEYS", "AWS_REGION", "AWS_ACCESS_KEY_ID")
    shared += ("AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE")
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {name: os.environ[name] for name in shared} | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "PARAMETER_STORE": "ssm",
        "AWS_ENDPOINT_URL_SSM": moto.url,
        "NO_PROXY": "127.0.0.1",
    }


def create_trial_app(users: int = USERS) -> TrialApp:
    """Create an app whose users are all maintainers with the same password."""
    app = App.objects.create(app_id="d1trial", name="Trial", region=REGION)
    dev = Branch.objects.create(app=app, name="dev")
    password = make_password(PASSWORD, hasher=Argon2())
    members = User.objects.bulk_create(
        User(email=f"person{number}@example.org", password=password) for number in range(users)
    )
    Member.objects.bulk_create(Member(app=app, user=user, role="maintainer") for user in members)
    return TrialApp(app, (None, dev), [user.email for user in members])


def run(replicas: Replicas, trial: TrialApp, *, seconds: float, kills: int) -> Records:
    """Let the users work while consoles are killed, reconcile once, and return all records."""
    records = Records()
    users = _simulated_users(trial, replicas.ports)
    with ThreadPoolExecutor(len(users) + 1) as threads:
        for done in [threads.submit(user.sign_in) for user in users]:
            done.result()
        until = time.time() + seconds
        killing = threads.submit(kill_and_restart, replicas, kills, seconds, records.kills)
        for done in [threads.submit(user.work, until) for user in users]:
            done.result()
        killing.result()
    for user in users:
        records.sent += user.sent
        records.reveals += user.reveals
    _expire_leases_and_reconcile(users[0])
    _collect(records, replicas, trial)
    return records


def _simulated_users(trial: TrialApp, ports: list[int]) -> list[SimulatedUser]:
    # Each from an address of its own, because sign-ins are limited per address
    branches = {scope_name(b): str(b.pk) if b else "" for b in trial.scopes}
    return [
        SimulatedUser(
            WebUser(email, ports, f"127.0.0.{number + 2}"),
            trial.app.app_id,
            trial.secrets,
            branches,
        )
        for number, email in enumerate(trial.emails)
    ]


def kill_and_restart(replicas: Replicas, times: int, seconds: float, kills: list[Kill]) -> None:
    """Kill one console after the other, evenly over `seconds`, and restart each."""
    began = time.time()
    for number in range(times):
        due = began + seconds * (number + 1) / (times + 1)
        time.sleep(max(0.0, due - time.time()))
        server = replicas.servers[number % len(replicas.servers)]
        killed = time.time()
        server.kill()
        kills.append((killed, time.time()))
        server.start()
        server.wait()


def _expire_leases_and_reconcile(user: SimulatedUser) -> None:
    """Reconcile now, instead of when the leases and turns of killed consoles have expired."""
    long_ago = timezone.now() - timedelta(minutes=1)
    for row in Secret.objects.exclude(claim=None):
        Secret.objects.filter(pk=row.pk).update(claimed_until=timezone.now())
    Revalidation.objects.update(started_at=long_ago, held_until=None)
    response = user.web.post(f"{user.url}revalidate/", {"mode": "list"})
    assert response.status == 200, response


def _collect(records: Records, replicas: Replicas, trial: TrialApp) -> None:
    calls = journal.read(replicas.journal)
    records.copies = [call for call in calls if call.path.startswith(BIN)]
    records.journal = [call for call in calls if not call.path.startswith(BIN)]
    for branch in trial.scopes:
        for key in KEYS:
            location = locate_secret(trial.app, branch, key)
            records.paths[location.primary] = (scope_name(branch), key), False
            if location.mirror:
                records.paths[location.mirror] = (scope_name(branch), key), True
    ssm = boto3.session.Session().client("ssm", region_name=REGION, endpoint_url=replicas.moto.url)
    records.history = {path: _history(ssm, path) for path in records.paths}
    records.events = _events(trial.app)
    records.rows = {
        (scope_name(row.branch), row.key): ProjectedRow(
            row.version,
            mirror_state(row.version, row.mirror_version, row.mirror_of, row.changed_by)
            if row.branch
            else "",
            row.claim_id is not None,
        )
        for row in Secret.objects.filter(app=trial.app).select_related("branch")
    }
    chain.append_links(all_rows=True)
    last = chain.head()
    records.chain_breaks = [str(found) for found in chain.find_problems(last.id if last else 0)]


def _history(ssm: "SSMClient", path: str) -> list[tuple[int, str]]:
    try:
        pages = ssm.get_paginator("get_parameter_history").paginate(Name=path, WithDecryption=True)
        found = [version for page in pages for version in page["Parameters"]]
    except ssm.exceptions.ParameterNotFound:
        return []
    return [(version["Version"], version["Value"]) for version in found]


def _events(app: App) -> list[Event]:
    events = AuditEvent.objects.filter(app_id=app.app_id).order_by("pk")
    events = events.exclude(action__startswith="bin.")  # `removed_values` checks the copies
    return [_event(event) for event in events.prefetch_related("outcomes")]


def _event(event: AuditEvent) -> Event:
    outcomes = sorted(event.outcomes.all(), key=lambda outcome: outcome.pk)
    return Event(
        event.pk,
        event.at.timestamp(),
        event.actor,
        event.action,
        (event.branch, event.subject),
        event.change_set.hex if event.change_set else "",
        event.version_before or 0,
        tuple(
            Outcome(o.at.timestamp(), o.outcome, o.version_after or 0, o.detail) for o in outcomes
        ),
    )
