"""Secrets as a source of a branch's environment (`console.environment`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from console.access.actions import Action
from console.access.policy import Access
from console.environment.explaining import Explanation
from console.environment.faults import Check, Fault
from console.environment.importing import ImportRow, PlannedRow
from console.environment.keys import EffectiveKey, FoundKey, Origin, OwnKey, ReadValue
from console.environment.removal import OwnValue, Removal
from console.environment.searching import find_keys
from console.environment.undo import UndoRow
from console.environment.warnings import AppWarning
from console.lib.results import RowOutcome
from console.lib.text.dotenv import Entry
from console.models import Branch
from secrets_app import importing
from secrets_app.branch_warnings import branch_warnings
from secrets_app.history import (
    explaining,
    former_members,
    parameter_undo,
    undo_plan,
    undoing,
)
from secrets_app.history.secret_bin import SecretBin
from secrets_app.locations import find_secret
from secrets_app.models import ANSWERED, Secret
from secrets_app.reveal import effective_secrets, read_all, reveal_all
from secrets_app.revisions import base
from secrets_app.store.limits import REMARKS
from secrets_app.sync import faults
from secrets_app.sync.freshness import freshness
from secrets_app.sync.reconciling import (
    REQUEST_CALLS,
    reconcile,
    reconcile_for_page,
    reconcile_now,
)
from secrets_app.sync.removing import remove_secrets

_HAS_VALUE = Q(version__gt=0) | Q(claim__isnull=False)


class SecretSource:
    """Secrets: each value is revealed, so it needs the permission and is audited."""

    noun = "secret"
    is_confidential = True
    remarks = REMARKS
    kept_in = "the parameter store"
    bin = SecretBin()

    def own_keys(self, access: Access) -> Sequence[OwnKey]:
        """Return what each scope has, as of the last reconcile. Takes one query.

        A secret whose first save is not settled yet counts. One of which only the mirror is left
        doesn't: the branch has no value.
        """
        rows = Secret.objects.filter(_HAS_VALUE, app=access.app)
        columns = ("pk", "key", "branch_id", "claim_id", "claim_stage", "changed_at", "changed_by")
        found = rows.order_by("key").values_list(*columns, "version", "modified")
        return [
            OwnKey(
                *(pk, key, branch_id, claim is not None and stage not in ANSWERED, at, by),
                token=f"{pk}:{base(version, modified, at)}",
                version=version,
            )
            for pk, key, branch_id, claim, stage, at, by, version, modified in found
        ]

    def search(self, accesses: Sequence[Access], text: str, limit: int) -> Sequence[FoundKey]:
        """Return keys that contain the text, as of the last reconcile. Takes two queries."""
        return find_keys(Secret.objects.filter(_HAS_VALUE), accesses, text, limit)

    def url(self, access: Access, pk: int) -> str:
        """Return the page of a secret."""
        return reverse("secret_detail", args=[access.app.app_id, pk])

    def find_key(self, access: Access, pk: int) -> tuple[str, int | None]:
        """Return key and scope of a secret. Raises Http404."""
        secret = find_secret(access, pk)
        return secret.key, secret.branch_id

    def edit_url(self, access: Access, pk: int) -> str:
        """Return the page that edits a secret, or adds its key in another scope."""
        return reverse("secret_edit", args=[access.app.app_id, pk])

    def list_url(self, access: Access, **query: object) -> str:
        """Return the list of secrets."""
        return reverse("secrets", args=[access.app.app_id], query=query)

    def effective_keys(self, access: Access, branch: Branch | None) -> Sequence[EffectiveKey]:
        """Return the keys that the branch gets, sorted, as of the last reconcile."""
        return [
            EffectiveKey(key, Origin.of(row.branch_id, branch))
            for key, row in effective_secrets(access, branch).items()
        ]

    def effective_values(self, access: Access, branch: Branch | None) -> Mapping[str, str]:
        """Reveal the secrets that the branch gets, by key: all of them, or none.

        Reconciles first, so that changes made outside Branchkeep count. Raises PermissionDenied if
        the permission is missing on any scope involved, or a StoreError.
        """
        app_id = access.app.app_id
        reconcile(actor=access.actor, app_id=app_id)
        revealed = reveal_all(actor=access.actor, app_id=app_id, branch=branch)
        return {key: value.reveal() for key, value in revealed.items()}

    def values(self, access: Access, pks: Collection[int], act: Action) -> Mapping[int, ReadValue]:
        """Read secrets: all of them, or none. Reconciles first, as `effective_values` does."""
        reconcile(actor=access.actor, app_id=access.app.app_id)
        rows = access.app.secrets.filter(pk__in=pks, version__gt=0).select_related("branch")
        found = read_all(access, [*rows], act)
        return {pk: ReadValue(it.value.reveal(), it.event) for pk, it in found.items()}

    def refresh(self, access: Access) -> None:
        """Reconcile, as when the secrets are looked at, but however recently that was done."""
        reconcile_now(access.app, max_calls=REQUEST_CALLS)

    def faults(self, access: Access) -> Sequence[Fault]:
        """Return what the last reconcile found, and what saves left unfinished."""
        return faults.of_app(access)

    def warnings(self, access: Access, keys: Collection[str] | None = None) -> Sequence[AppWarning]:
        """Return what Parameter Store makes of the names of branches. No value is known."""
        return [it for it in branch_warnings(access) if keys is None or it.key in keys]

    def check(self, access: Access) -> None:
        """Reconcile, as when the secrets are looked at."""
        reconcile_for_page(actor=access.actor, app_id=access.app.app_id)

    def last_check(self, access: Access) -> Check:
        """Return how the last reconcile ended. Takes one query."""
        last = freshness(access.app)
        is_reachable = last.state != "unreachable"
        is_running = last.state == "running"
        url = self.list_url(access)
        return Check(self.kept_in, url, last.agreed_at, is_running, is_reachable, last.problem)

    def explain(self, access: Access, key: str, branch: Branch | None) -> Explanation | None:
        """Return why a branch gets its value of a secret, as of the last reconcile."""
        found = explaining.explain(access, key, branch)
        return found and replace(found, check=self.last_check(access))

    def own_values(self, access: Access, branch: Branch | None) -> Sequence[OwnValue]:
        """Return the branch's own secrets, as of the last reconcile."""
        rows = access.app.secrets.filter(branch=branch).order_by("key")
        return [OwnValue(secret.key, f"{secret.pk}:{secret.base}") for secret in rows]

    def overrides(self, access: Access, keys: Collection[str]) -> Collection[tuple[int, str]]:
        """Return which branches override these keys, as of the last reconcile."""
        rows = Secret.objects.filter(app=access.app, version__gt=0, key__in=keys)
        return set(rows.exclude(branch=None).values_list("branch_id", "key"))

    def remove(
        self,
        access: Access,
        branch: Branch | None,
        tokens: Collection[str],
        change_set: UUID,
        *,
        without_copy: bool = False,
    ) -> Sequence[Removal]:
        """Remove secrets of the branch. After a failure, reconcile, so that pages show why."""
        return remove_secrets(access, branch, tokens, change_set, without_copy=without_copy)

    def plan(
        self, access: Access, entries: Sequence[Entry], scopes: Sequence[Branch | None]
    ) -> Sequence[PlannedRow]:
        """Return what an import would do. Whether a stored value differs, only `compare` tells."""
        return importing.plan(access, entries, scopes)

    def compare(
        self, access: Access, entries: Sequence[Entry], rows: Sequence[PlannedRow]
    ) -> Sequence[PlannedRow]:
        """Compare an import with the stored values. Reconciles first, as `values` does."""
        reconcile(actor=access.actor, app_id=access.app.app_id)
        return importing.compare(access, entries, rows)

    def apply(
        self, access: Access, rows: Sequence[ImportRow], change_set: UUID
    ) -> Sequence[RowOutcome]:
        """Write what was planned."""
        return importing.apply(access, rows, change_set)

    def known_to(self, access: Access, pks: Collection[int]) -> Mapping[int, Sequence[str]]:
        """Return who left and knows these secrets, as of the last reconcile."""
        rows = access.app.secrets.filter(pk__in=pks).select_related("branch")
        return former_members.of_secrets(access, rows)

    def undo_plan(
        self, access: Access, change_set: UUID, undone_by: Collection[UUID]
    ) -> Sequence[UndoRow]:
        """Return what undoing would do, as of the last reconcile, and who knows the old values."""
        steps = undo_plan.plan(access, change_set, undone_by)
        known = former_members.of_steps(access, steps)
        parameters = parameter_undo.plan(access, change_set, undone_by)
        rows = [replace(it.row, known_to=to) for it, to in zip(steps, known, strict=True)]
        return [*rows, *(step.row for step in parameters)]

    def undo(
        self,
        access: Access,
        change_set: UUID,
        undone_by: Collection[UUID],
        tokens: Collection[str],
        new: UUID,
    ) -> Sequence[RowOutcome]:
        """Restore the versions from before, and remove what the change set had added."""
        secrets = [token for token in tokens if not parameter_undo.is_token(token)]
        outcomes = undoing.undo(access, change_set, undone_by, secrets, new)
        if len(secrets) == len(tokens):
            return outcomes
        steps = parameter_undo.plan(access, change_set, undone_by)
        chosen = [step for step in steps if step.row.token in tokens]
        return [*outcomes, *parameter_undo.undo(access, chosen, new)]
