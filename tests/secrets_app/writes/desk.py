"""What people do with an app's secrets, through the services alone."""

import uuid
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from console.access.policy import find_app
from console.lib.results import RowOutcome
from console.models import AuditEvent, Branch
from console.web.listing import Query
from secrets_app import sync
from secrets_app.locations import locate_secret
from secrets_app.models import Revalidation, Secret
from secrets_app.queries import SecretRow, list_secrets, listed_branches
from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore, SecretValue
from secrets_app.sync import Freshness
from secrets_app.writes import save as saving
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from secrets_app.writes.mirror import repair_mirror
from tests.fixtures.people import World

LONG_AGO = timedelta(hours=1)


class Desk:
    """The app of a world, and somebody at its secrets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.app = world.app

    @property
    def store(self) -> ParameterStore:
        """The parameter store, as somebody outside the console reaches it."""
        return parameter_store()

    def save(self, who: str, *changes: SecretCommand) -> list[RowOutcome]:
        """Save as somebody; all in one change set."""
        return saving.save(
            actor=self.world.actor(who),
            app_id=self.app.app_id,
            commands=changes,
            change_set=uuid.uuid4(),
        )

    def put(self, key: str, value: str = "first", branch: Branch | None = None) -> Secret:
        """Let alice add a secret, and return its row."""
        [outcome] = self.save("alice", self.new(key, value, branch))
        assert outcome.outcome == "saved", outcome
        return self.row(key, branch)

    def known(self, key: str, branch: Branch | None = None) -> Secret:
        """Let alice add a secret that a check has seen since, and return its row."""
        self.put(key, branch=branch)
        self.check()
        return self.row(key, branch)

    def age_answers(self, by: timedelta) -> None:
        """Let the store have answered earlier, so that what comes from outside now comes later."""
        Secret.objects.update(answered_at=F("answered_at") - by)

    def new(
        self, key: str, value: str = "first", branch: Branch | None = None, base: int = 0
    ) -> SecretCommand:
        """Return a filled new row."""
        return SetSecret(
            f"new {key} {branch}",
            key=key,
            branch_id=branch.pk if branch else None,
            value=SecretValue(value),
            expected_version=base,
        )

    def change(self, row: Secret, value: str = "second", base: int | None = None) -> SecretCommand:
        """Return a known row with a new value; its base is what the row shows."""
        base = row.version if base is None else base
        return SetSecret(str(row.pk), row.pk, value=SecretValue(value), expected_version=base)

    def removal(self, row: Secret, base: int | None = None) -> SecretCommand:
        """Return a known row with a tick at Remove."""
        return DeleteSecret(
            str(row.pk), row.pk, expected_version=row.version if base is None else base
        )

    def repair(self, name: str, row: Secret) -> str:
        """Let somebody put the mirror right, who sees the row as the console knows it now."""
        shown = Secret.objects.values_list("version", "mirror_version").get(pk=row.pk)
        return repair_mirror(
            actor=self.world.actor(name), app_id=self.app.app_id, pk=row.pk, expected_versions=shown
        )

    def row(self, key: str, branch: Branch | None = None) -> Secret:
        """Return a secret's row as it stands now."""
        return Secret.objects.get(app=self.app, branch=branch, key=key)

    def rows(self) -> dict[tuple[str, str], int]:
        """Return what the projection shows: versions by branch and key."""
        secrets = Secret.objects.filter(app=self.app).select_related("branch")
        return {(row.branch.name if row.branch else "", row.key): row.version for row in secrets}

    def shown(self, key: str, branch: Branch | None = None, **query: str) -> SecretRow:
        """Return a secret's row as the list page shows it."""
        return next(
            row
            for row in self.listed(**query)
            if (row.key, row.branch_id) == (key, branch.pk if branch else None)
        )

    def listed(self, **query: str) -> list[SecretRow]:
        """Return the rows of the list page."""
        access = find_app(self.world.actor("alice"), self.app.app_id)
        query = {"per_page": "100", **query}
        return list_secrets(access, Query.of(query), listed_branches(access)).rows

    def paths(self, key: str, branch: Branch | None = None) -> tuple[str, str]:
        """Return a secret's parameter paths; the second is "" where there is no mirror."""
        place = locate_secret(self.app, branch, key)
        return place.primary, place.mirror or ""

    def values(self, key: str, branch: Branch | None = None) -> tuple[str | None, str | None]:
        """Return what stands in the store at both paths."""
        paths = self.paths(key, branch)
        found = self.store.read(filter(None, paths))
        one, other = (found[path].value.reveal() if path in found else None for path in paths)
        return one, other

    def outside(self, path: str, value: str = "from outside") -> None:
        """Write a parameter as somebody without the console would."""
        self.store.put(path, SecretValue(value), overwrite=True)

    def check(self) -> Freshness:
        """Hold the projection against the store, now."""
        Revalidation.objects.update(started_at=timezone.now() - LONG_AGO)
        return sync.reconcile(actor=self.world.actor("vera"), app_id=self.app.app_id)

    def expire_claims(self) -> None:
        """Let the time pass that a claim lives."""
        for row in Secret.objects.exclude(claim=None):
            Secret.objects.filter(pk=row.pk).update(claimed_until=timezone.now())

    def trail(self, *actions: str) -> list[tuple[Any, ...]]:
        """Return the audit trail of these actions' kinds, oldest first.

        An entry is (who, action, key, version before, last outcome, version after).
        """
        kinds = actions or ("secret.", "found.")
        events = AuditEvent.objects.filter(app_id=self.app.app_id).order_by("pk")
        return [_entry(event) for event in events if event.action.startswith(kinds)]

    def outcomes(self, event_id: int | None = None) -> list[str]:
        """Return all outcomes of an attempt, in order; of the last one, if none is named."""
        events = AuditEvent.objects.filter(action__startswith="secret.").order_by("pk")
        event = events.get(pk=event_id) if event_id else events.last()
        assert event is not None
        return [row.outcome for row in event.outcomes.order_by("pk")]


def _entry(event: AuditEvent) -> tuple[Any, ...]:
    last = event.outcomes.order_by("pk").last()
    who = event.actor.partition("@")[0]
    outcome = (last.outcome, last.version_after) if last else (None, None)
    return who, event.action, event.subject, event.version_before, *outcome
