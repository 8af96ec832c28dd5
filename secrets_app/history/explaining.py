"""Why a branch gets its value of a secret: the parameters that backends and builds look for.

From the projection alone: no store is called, and nothing is decrypted. What looks where, and when,
is up to Amplify (docs/parameter-paths.md). Sources, in aws-amplify/amplify-backend:
backend_secret_fetcher (a deployment tries the branch, then All branches) and resolve_ssm_params
(functions do the same, every minute).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from console.access.policy import Access
from console.audit.change_sets import CHANGES
from console.audit.events import Action
from console.environment.explaining import Explanation, Holds, Place, Reader
from console.lib.naming.names import PathProfile
from console.models import Branch, scope_name
from secrets_app.history.audited_writes import OURS, Writes
from secrets_app.locations import mirror_state, scope_of
from secrets_app.models import LeaseStage, Secret, UnknownParameter
from secrets_app.paths import InvalidPath, locate
from secrets_app.projection import principal
from secrets_app.queries import BUILD_SECRETS, crowded_branches, save_state
from secrets_app.writes.snapshots import audit_target

BACKEND = "Functions read a new value within a minute, everything else at the next deployment."
BUILD = "The next build reads a new value."
COMMANDS = "The next `run` or `pull` reads a new value."
SHARED_IN_BUILDS = (
    "`$secrets` doesn't have values for All branches. `npx ampx` reads them in a build."
)
SANDBOX = (
    "A sandbox reads none of these. It has its own secrets, at "
    "`/amplify/<project>/<identifier>-sandbox-<hash>/`: see `manage.py sandbox secret`."
)
OWN_STORE = (
    "Branchkeep keeps these values in its own store, which Amplify can't read. `run` and `pull` "
    "deliver them. The paths are those that Amplify reads in Parameter Store."
)
_MIRRORS = {
    "missing": "The mirror is missing. Repair it on the secret's page.",
    "alone": "Only this mirror is left, and no backend reads it.",
    "behind": "It may hold another value than the backend path.",
    "unverified": "It may hold another value than the backend path: nobody has compared them.",
}
_UNFINISHED = "Branchkeep finishes the mirror in the background."


def explain(access: Access, key: str, branch: Branch | None) -> Explanation | None:
    """Return why a branch gets its value of a secret. None if the app has no secret of this key.

    `branch` None explains what a branch without a value of its own gets. Takes up to seven queries.
    """
    found = access.app.secrets.filter(key=key).select_related("claim")
    rows = {row.branch_id: row for row in found}
    if not rows:
        return None
    places = _Places(access, key, branch, rows)
    return Explanation(
        readers=places.readers(),
        scopes={pk: row.pk for pk, row in rows.items() if row.version or row.claim_id},
        notes=[] if places.is_in_ssm else [OWN_STORE],
    )


class _Places:
    """The places of one key, as one branch is concerned."""

    def __init__(
        self, access: Access, key: str, branch: Branch | None, rows: Mapping[int | None, Secret]
    ) -> None:
        self.access, self.key, self.branch, self.rows = access, key, branch, rows
        self.profile = PathProfile(access.app.path_profile)
        self.is_in_ssm = settings.PARAMETER_STORE == "ssm"
        self.when = BACKEND if self.is_in_ssm else COMMANDS
        self.backend_path = self._path(branch, PathProfile.BACKEND)
        self.build_path = self._path(branch, PathProfile.DOCUMENTED)

    def readers(self) -> Sequence[Reader]:
        """Return what reads the key, the main one first."""
        name = scope_name(self.branch)
        sandbox = Reader(title="What a developer's sandbox reads", notes=[SANDBOX])
        if self.profile is PathProfile.STANDALONE:
            return [self._of_backend(), sandbox]
        if self.branch is None:
            build = Reader(title="What a build has in `$secrets`", notes=[SHARED_IN_BUILDS])
            return [self._of_backend(), build, sandbox]
        backend = self._of_backend()
        is_lacking = self.build.holds is Holds.NOTHING and self.shared.holds is not Holds.NOTHING
        build = Reader(
            title=f"What a build on {name} has in `$secrets`",
            places=[self.build],
            takes_effect=BUILD if self.is_in_ssm else "",
            notes=[SHARED_IN_BUILDS] if is_lacking else [],
        )
        if self.profile is not PathProfile.DOCUMENTED:
            return [backend, build, sandbox]
        commands = Reader(
            title=f"What `run` and `pull` give on {name}, in this order",
            places=[self.own, self.shared],
            takes_effect=COMMANDS,
        )
        return [commands, build, backend, sandbox]

    def _of_backend(self) -> Reader:
        """Return what a deployed backend reads."""
        title, places = "What a backend reads on a branch without its own value", [self.shared]
        if self.branch is not None:
            what = "deployment of" if self.access.app.is_standalone else "backend on"
            title = f"What a {what} {scope_name(self.branch)} reads, in this order"
            places = [self.backend, self.shared]
        return Reader(title=title, places=places, takes_effect=self.when)

    @cached_property
    def shared(self) -> Place:
        """Return the place of All branches."""
        return self._primary(None, self._path(None, self.profile))

    @cached_property
    def own(self) -> Place:
        """Return the place that decides whether the branch has a value of its own."""
        if self.profile is PathProfile.DOCUMENTED:
            return self._primary(self.branch, self.build_path)
        place = self._primary(self.branch, self.backend_path)
        if others := self.access.partners.get(self.branch):
            names = " and ".join(scope_name(it) for it in others)
            place = replace(place, notes=[*place.notes, f"It is also the parameter of {names}."])
        return place

    @property
    def backend(self) -> Place:
        """Return the branch's place where backends look."""
        is_unused = self.profile is PathProfile.DOCUMENTED
        return self._unused(self.backend_path) if is_unused else self.own

    @cached_property
    def build(self) -> Place:
        """Return the branch's place that a build has in `$secrets`."""
        if not self.build_path:
            note = "This branch has no documented path, so builds have none of its secrets there."
            return Place(scope=scope_name(self.branch), holds=Holds.NOTHING, notes=[note])
        if self.profile is PathProfile.BACKEND:
            return self._unused(self.build_path)
        is_mirror = self.profile is PathProfile.BOTH
        return self._counted(self._mirror() if is_mirror else self.own)

    def _path(self, branch: Branch | None, profile: PathProfile) -> str:
        """Return the path of a scope in a profile, "" if it has none."""
        try:
            return locate(scope_of(self.access.app, branch), self.key, profile).primary
        except InvalidPath:
            return ""

    def _primary(self, branch: Branch | None, path: str) -> Place:
        """Return the place that decides whether the scope has a value."""
        row = self.rows.get(branch.pk if branch else None)
        target = audit_target(self.access, branch, self.key)
        writes = Writes(self.access.app.app_id, {scope_name(branch), target.branch}, self.key)
        holds, notes = (_holds(row), _notes(row)) if row else (Holds.NOTHING, [])
        place = Place(scope=scope_name(branch), path=path, holds=holds, notes=notes)
        if row is None or not row.version:
            return replace(place, pk=row.pk if row else None, **_removal(writes))
        author = self._author(row, writes)
        return replace(place, version=row.version, pk=row.pk, **author)

    def _author(self, row: Secret, writes: Writes) -> dict[str, Any]:
        """Return who wrote the secret's version: from the audit trail if we did."""
        at = row.modified or row.answered_at or row.changed_at
        event = writes.of(row.version, at) if at else None
        if event and event.action in OURS:
            return {"since": event.at, "by": event.actor, "change_set": _change_set(event)}
        if row.changed_by:
            return {"since": row.changed_at, "by": row.changed_by}
        return {"since": at, "by": self._principal(row.modified_by), "is_outside": True}

    def _mirror(self) -> Place:
        row = self.rows.get(self.branch.pk if self.branch else None)
        if row is None or not row.mirror_version:
            holds = Holds.UNCERTAIN if row and _is_open(row) else Holds.NOTHING
            place = replace(self.own, path=self.build_path, version=0, holds=holds, notes=[])
        else:
            place = replace(self.own, path=self.build_path, version=row.mirror_version)
            place = replace(place, holds=Holds.VALUE, notes=[])
        if row is None:
            return place
        state = mirror_state(row.version, row.mirror_version, row.mirror_of, row.changed_by)
        if not state:
            return place
        note = _UNFINISHED if row.mirror_due_at else _MIRRORS[state]
        return replace(
            place,
            since=row.mirror_modified,
            by="",
            is_outside=False,
            change_set=None,
            notes=[note],
        )

    def _counted(self, place: Place) -> Place:
        """Return the place, uncertain if a build has only some of the branch's secrets."""
        crowded = crowded_branches(self.access, [self.branch] if self.branch else [])
        if not crowded or place.holds is Holds.NOTHING:
            return place
        note = (
            f"The branch has {crowded[0][1]} secrets at this path, and a build has only "
            f"{BUILD_SECRETS} of them."
        )
        return replace(place, holds=Holds.UNCERTAIN, notes=[*place.notes, note])

    def _unused(self, path: str) -> Place:
        """Return a place to which the app's path profile doesn't write."""
        note = f"Branchkeep doesn't write there: the app's path profile is “{self.profile}”."
        place = Place(scope=scope_name(self.branch), path=path, holds=Holds.NOTHING, notes=[note])
        folder = path.rpartition("/")[0]
        rows = UnknownParameter.objects.filter(app=self.access.app, folder=folder, key=self.key)
        found = rows.first()
        if found is None:
            return place
        return replace(
            place,
            holds=Holds.VALUE,
            version=found.version,
            since=found.modified,
            by=self._principal(found.modified_by),
            is_outside=True,
        )

    def _principal(self, arn: str) -> str:
        return principal(arn, is_operator=self.access.actor.is_operator)


def _is_open(row: Secret) -> bool:
    """Return True if a save has called the store, and how it ended isn't known."""
    return bool(save_state(row, timezone.now())) and row.claim_stage != LeaseStage.TAKEN


def _holds(row: Secret) -> Holds:
    if not _is_open(row):
        return Holds.VALUE if row.version else Holds.NOTHING
    may_be_gone = row.claim and row.claim.action in {
        Action.SECRET_REMOVED,
        Action.SECRET_ENCRYPTED,  # it is removed and created again
    }
    return Holds.VALUE if row.version and not may_be_gone else Holds.UNCERTAIN


def _notes(row: Secret) -> list[str]:
    notes = []
    state, by = save_state(row, timezone.now()), row.claim.actor if row.claim else ""
    if state == "saving":
        notes.append(f"{by} is saving it right now.")
    elif state:
        notes.append(
            f"The response to the last save, by {by}, was lost. The next check against the store "
            "settles whether it was written."
        )
    if not row.version and row.mirror_version:
        notes.append("Only the mirror at the documented path is left, which is no value.")
    if row.unencrypted:
        notes.append("It is stored as a plain String, which is not encrypted.")
    return notes


def _removal(writes: Writes) -> dict[str, Any]:
    """Return who removed the value, and when. Empty if there was none."""
    event = writes.removal
    if event is None:
        return {}
    is_outside = event.action == Action.FOUND_REMOVED
    return {
        "since": event.at,
        "by": "" if is_outside else event.actor,
        "is_outside": is_outside,
        "change_set": _change_set(event),
    }


def _change_set(event: Any) -> UUID | None:
    """Return the change set of an event, None if it has no page."""
    return event.change_set if event.action in CHANGES else None
