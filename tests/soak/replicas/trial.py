"""A trial: many people at the same few secrets, on several consoles that are killed meanwhile.

It runs in a process that has Django set up on the consoles' database, and reads the end from there.
"""

import os
import time
from collections.abc import Iterator, Sequence
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
from tests.soak.replicas.at_work import Worker
from tests.soak.replicas.person import Person
from tests.soak.replicas.records import End, Entry, Kill, Place, Records, Row
from tests.soak.replicas.server import Server, copy_to, running

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

KEYS = ("API_KEY", "DB_URL", "TOKEN")
CLIENTS = 20


@dataclass
class Site:
    """Consoles on one database and one parameter store."""

    servers: list[Server]
    moto: Moto
    journal: Path

    @property
    def ports(self) -> list[int]:
        """The ports that a load balancer would know."""
        return [server.port for server in self.servers]

    def kill_and_start(self, times: int, seconds: float, kills: list[Kill]) -> None:
        """Kill one after the other, evenly over so many seconds, and start it again."""
        began = time.time()
        for number in range(times):
            due = began + seconds * (number + 1) / (times + 1)
            time.sleep(max(0.0, due - time.time()))
            server = self.servers[number % len(self.servers)]
            killed = time.time()
            server.kill()
            kills.append((killed, time.time()))
            server.start()
            server.wait()


@contextmanager
def site(folder: Path, consoles: int = 2) -> Iterator[Site]:
    """Run consoles on the database of this process, and a parameter store with a journal."""
    file = folder / "journal"
    with journal.running(file) as moto:
        copy = copy_to(folder / "console")
        servers = [Server(copy, _environment(moto)) for _ in range(consoles)]
        with running(*servers):
            yield Site(servers, moto, file)


def _environment(moto: Moto) -> dict[str, str]:
    """Return the settings that all consoles share: those of this process, but for its database."""
    kept = ("SECRET_KEY", "ENCRYPTION_KEYS", "AWS_REGION", "AWS_ACCESS_KEY_ID")
    kept += ("AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE")
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {name: os.environ[name] for name in kept} | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "PARAMETER_STORE": "ssm",
        "AWS_ENDPOINT_URL_SSM": moto.url,
        "NO_PROXY": "127.0.0.1",
    }


@dataclass(frozen=True)
class Scene:
    """An app, the places that all work at, and who they are."""

    app: App
    scopes: tuple[Branch | None, ...]
    emails: list[str]

    @classmethod
    def make(cls, people: int = CLIENTS) -> "Scene":
        """Make it in the database. All are maintainers, with one password."""
        app = App.objects.create(app_id="d1trial", name="Trial", region=REGION)
        dev = Branch.objects.create(app=app, name="dev")
        password = make_password(PASSWORD, hasher=Argon2())
        users = User.objects.bulk_create(
            User(email=f"person{number}@example.org", password=password) for number in range(people)
        )
        Member.objects.bulk_create(Member(app=app, user=user, role="maintainer") for user in users)
        return cls(app, (None, dev), [user.email for user in users])

    @property
    def places(self) -> list[Place]:
        """Return each branch's name with each key."""
        return [(scope_name(branch), key) for branch in self.scopes for key in KEYS]

    def workers(self, ports: list[int]) -> list[Worker]:
        """Return the people, each with an address of his own."""
        branches = {scope_name(b): str(b.pk) if b else "" for b in self.scopes}
        return [
            Worker(
                Person(email, ports, f"127.0.0.{number + 2}"),
                self.app.app_id,
                self.places,
                branches,
            )
            for number, email in enumerate(self.emails)
        ]


def run(where: Site, scene: Scene, *, seconds: float, kills: int) -> Records:
    """Let people work while consoles are killed; return all records, after one check."""
    records = Records()
    workers = scene.workers(where.ports)
    with ThreadPoolExecutor(len(workers) + 1) as threads:
        for done in [threads.submit(worker.sign_in) for worker in workers]:
            done.result()
        until = time.time() + seconds
        killing = threads.submit(where.kill_and_start, kills, seconds, records.kills)
        for done in [threads.submit(worker.work, until) for worker in workers]:
            done.result()
        killing.result()
    for worker in workers:
        records.sent += worker.sent
        records.reveals += worker.reveals
    settle(workers[0])
    _collect(records, where, scene)
    return records


def settle(worker: Worker) -> None:
    """Let the time pass that a claim and the pause between checks last; then check once."""
    long_ago = timezone.now() - timedelta(minutes=1)
    for row in Secret.objects.exclude(claim=None):
        Secret.objects.filter(pk=row.pk).update(claimed_until=timezone.now())
    Revalidation.objects.update(started_at=long_ago)
    answer = worker.person.post(f"{worker.address}revalidate/", {"mode": "list"})
    assert answer.status == 200, answer


def _collect(records: Records, where: Site, scene: Scene) -> None:
    records.journal = journal.read(where.journal)
    for branch in scene.scopes:
        for key in KEYS:
            place = locate_secret(scene.app, branch, key)
            records.paths[place.primary] = (scope_name(branch), key), False
            if place.mirror:
                records.paths[place.mirror] = (scope_name(branch), key), True
    ssm = boto3.session.Session().client("ssm", region_name=REGION, endpoint_url=where.moto.url)
    records.history = {path: _history(ssm, path) for path in records.paths}
    records.trail = [*_trail(scene.app)]
    records.rows = {
        (scope_name(row.branch), row.key): Row(
            row.version,
            mirror_state(row.version, row.mirror_version, row.mirror_of, row.changed_by)
            if row.branch
            else "",
            row.claim_id is not None,
        )
        for row in Secret.objects.filter(app=scene.app).select_related("branch")
    }
    chain.append_links(all_rows=True)
    last = chain.head()
    records.chain = [str(found) for found in chain.find_problems(last.id if last else 0)]


def _history(ssm: "SSMClient", path: str) -> list[tuple[int, str]]:
    try:
        pages = ssm.get_paginator("get_parameter_history").paginate(Name=path, WithDecryption=True)
        found = [version for page in pages for version in page["Parameters"]]
    except ssm.exceptions.ParameterNotFound:
        return []
    return [(version["Version"], version["Value"]) for version in found]


def _trail(app: App) -> Sequence[Entry]:
    events = AuditEvent.objects.filter(app_id=app.app_id).order_by("pk")
    return [_entry(event) for event in events.prefetch_related("outcomes")]


def _entry(event: AuditEvent) -> Entry:
    ends = sorted(event.outcomes.all(), key=lambda end: end.pk)
    return Entry(
        event.pk,
        event.at.timestamp(),
        event.actor,
        event.action,
        (event.branch, event.subject),
        event.change_set.hex if event.change_set else "",
        event.version_before or 0,
        tuple(End(e.at.timestamp(), e.outcome, e.version_after or 0, e.detail) for e in ends),
    )
