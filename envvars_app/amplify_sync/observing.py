"""Take in what Amplify holds of a scope: settle pushes, find conflicts and drift, read it first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.utils import timezone

from console.access.actors import OUTSIDE
from console.amplify.base import AmplifyApp, AmplifyBranch
from console.audit.events import Action, Outcome, Target, attempt_all, conclude_all
from console.models import App, scope_name
from envvars_app.amplify_sync.attempts import BUILD_SETTINGS, target_of
from envvars_app.amplify_sync.comparing import Compared, compare
from envvars_app.amplify_sync.merging import is_text, storable
from envvars_app.formats.validation import KEY_LIMIT
from envvars_app.models import (
    BuildSpec,
    BuildSpecVersion,
    Synced,
    SyncedBuildSpec,
    SyncedScope,
    SyncedVariable,
    SyncState,
    Variable,
    VariableVersion,
)

COLUMNS = [field.attname for field in SyncedVariable._meta.concrete_fields if not field.primary_key]
NOTE = "read from Amplify"


@dataclass(frozen=True, slots=True)
class Reading:
    """What Amplify holds of a scope, and when the read began."""

    at: datetime
    variables: Mapping[str, str]
    build_spec: str

    @classmethod
    def of(cls, remote: AmplifyApp | AmplifyBranch, at: datetime) -> "Reading":
        """Return the reading of an app or a branch."""
        return cls(at, remote.variables, remote.build_spec)


@dataclass(frozen=True, slots=True)
class Observed:
    """A scope's rows, and what is here of them. `is_new` is False for an outdated reading."""

    is_new: bool
    variables: Sequence[SyncedVariable]
    values: Mapping[str, str]
    build_spec: SyncedBuildSpec | None
    text: str | None

    def ours(self, row: Synced) -> str | None:
        """Return what is here."""
        return self.values.get(row.key) if isinstance(row, SyncedVariable) else self.text

    def waiting(self) -> list[Synced]:
        """Return the rows that are to be pushed."""
        rows: list[Synced] = [*self.variables, *filter(None, [self.build_spec])]
        return [row for row in rows if row.state == SyncState.PENDING and not row.problem]


def lock(app: App) -> None:
    """Lock the app, as saves do. Needs a transaction."""
    list(App.objects.select_for_update(no_key=True).filter(pk=app.pk).values_list("pk"))


def observe(scope: SyncedScope, reading: Reading) -> Observed:
    """Take in a reading of a scope, and return what is here and there.

    Needs a transaction that has locked the app. A reading that is older than the last one changes
    nothing.
    """
    scope.refresh_from_db(fields=["read_at"])
    is_first = scope.read_at is None
    is_new = scope.read_at is None or reading.at >= scope.read_at
    compared: list[tuple[Synced, Compared]] = []
    observed = Observed(
        is_new,
        *_variables(scope, reading, compared, is_new=is_new, is_first=is_first),
        *_build_spec(scope, reading, compared, is_new=is_new, is_first=is_first),
    )
    if is_new:
        _record([] if is_first else [(row, it.found) for row, it in compared if it.found], scope)
        _conclude(compared)
        scope.read_at = reading.at
        scope.save(update_fields=["read_at"])
    return observed


def settle(row: Synced) -> None:
    """Compare a row again, after what is here has changed. Needs a locked app."""
    scope = row.scope
    try:
        row.refresh_from_db()
    except ObjectDoesNotExist:
        return  # a push in between has settled it
    if isinstance(row, SyncedVariable):
        found = _live(scope).filter(key=row.key)
        ours = found.values_list("value", flat=True).first()
    else:
        ours = _text(scope)
    result = compare(row, ours=ours, held=row.held, now=timezone.now())
    if isinstance(row, SyncedVariable):
        _store([row])
    else:
        row.save()
    _conclude([(row, result)])


def _live(scope: SyncedScope) -> QuerySet[Variable]:
    return Variable.objects.filter(app=scope.app_id, branch=scope.branch_id, removed_at=None)


def _text(scope: SyncedScope) -> str | None:
    live = BuildSpec.objects.filter(app=scope.app_id, branch=scope.branch_id, removed_at=None)
    return live.values_list("text", flat=True).first()


def _variables(
    scope: SyncedScope,
    reading: Reading,
    compared: list[tuple[Synced, Compared]],
    *,
    is_new: bool,
    is_first: bool,
) -> tuple[list[SyncedVariable], dict[str, str]]:
    rows = {row.key: row for row in scope.variables.all()}
    ours: dict[str, str] = dict(_live(scope).values_list("key", "value"))
    if not is_new:
        return list(rows.values()), ours
    theirs, now = storable(reading.variables, KEY_LIMIT), timezone.now()
    if is_first:
        new = {key: theirs[key] for key in theirs if key not in ours and key not in rows}
        _add_variables(scope, new, reading.at)
        ours |= new
    changed = []
    for key in {**rows, **theirs, **ours}:
        row = rows.setdefault(key, SyncedVariable(scope=scope, key=key))
        result = compare(row, ours=ours.get(key), held=theirs.get(key), now=now)
        compared.append((row, result))
        if result.has_changed or row.pk is None:
            changed.append(row)
    _store(changed)
    return [row for row in rows.values() if not _is_gone(row)], ours


def _build_spec(
    scope: SyncedScope,
    reading: Reading,
    compared: list[tuple[Synced, Compared]],
    *,
    is_new: bool,
    is_first: bool,
) -> tuple[SyncedBuildSpec | None, str | None]:
    row = SyncedBuildSpec.objects.filter(scope=scope).first()
    ours = _text(scope)
    held = reading.build_spec or None
    if not is_new or (row is None and ours is None and held is None):
        return row, ours
    if held is not None and not is_text(held):
        return row, ours
    if is_first and held is not None and _add_build_spec(scope, held, reading.at):
        ours = held
    row = row or SyncedBuildSpec(scope=scope)
    result = compare(row, ours=ours, held=held, now=timezone.now())
    compared.append((row, result))
    if result.has_changed or row.pk is None:
        row.save()
    return row, ours


def _record(changes: Sequence[tuple[Synced, str]], scope: SyncedScope) -> None:
    """Write changes made outside Branchkeep to the audit trail."""
    if not changes:
        return
    attempts = [(_found_action(row), target_of(scope, row), None) for row, _ in changes]
    events = attempt_all(OUTSIDE, attempts, change_set=None)
    conclude_all(
        (event.pk, Outcome.SUCCEEDED, None, verb)
        for event, (_, verb) in zip(events, changes, strict=True)
    )


def _found_action(row: Synced) -> Action:
    is_variable = isinstance(row, SyncedVariable)
    return Action.FOUND_VARIABLE if is_variable else Action.FOUND_BUILD


def _conclude(compared: Sequence[tuple[Synced, Compared]]) -> None:
    ended = [result.ended for _, result in compared if result.ended]
    if ended:
        conclude_all((event, outcome, None, detail) for event, outcome, detail in ended)


def _is_gone(row: SyncedVariable) -> bool:
    """Return True if neither side has the variable anymore."""
    return row.state == SyncState.SAME and row.held is None


def _store(rows: Sequence[SyncedVariable]) -> None:
    gone = [row.pk for row in rows if _is_gone(row) and row.pk]
    kept = [row for row in rows if not _is_gone(row)]
    if gone:
        SyncedVariable.objects.filter(pk__in=gone).delete()
    if known := [row for row in kept if row.pk]:
        SyncedVariable.objects.bulk_create(
            known, update_conflicts=True, unique_fields=["pk"], update_fields=COLUMNS
        )
    if new := [row for row in kept if not row.pk]:
        SyncedVariable.objects.bulk_create(new)


def _add_variables(scope: SyncedScope, values: Mapping[str, str], at: datetime) -> None:
    """Add what Amplify had when the scope was read for the first time."""
    if not values:
        return
    number = f"{len(values)} {'variable' if len(values) == 1 else 'variables'}"
    _record_first(scope, number)
    added = Variable.objects.bulk_create(
        Variable(
            app=scope.app,
            branch=scope.branch,
            key=key,
            value=value,
            changed_at=at,
            changed_by=OUTSIDE.label,
        )
        for key, value in sorted(values.items())
    )
    VariableVersion.objects.bulk_create(
        VariableVersion(
            variable=row,
            version=1,
            key=row.key,
            value=row.value,
            note=NOTE,
            at=at,
            by=row.changed_by,
        )
        for row in added
    )


def _add_build_spec(scope: SyncedScope, text: str, at: datetime) -> bool:
    """Add the build specification that Amplify had when the scope was read for the first time.

    Returns False without doing anything if the scope has ever had one here.
    """
    if BuildSpec.objects.filter(app=scope.app_id, branch=scope.branch_id).exists():
        return False
    _record_first(scope, BUILD_SETTINGS)
    by = OUTSIDE.label
    row = BuildSpec.objects.create(
        app=scope.app, branch=scope.branch, text=text, changed_at=at, changed_by=by
    )
    BuildSpecVersion.objects.create(build_spec=row, version=1, text=text, at=at, by=by)
    return True


def _record_first(scope: SyncedScope, what: str) -> None:
    target = Target(scope.app.app_id, scope_name(scope.branch), what)
    [event] = attempt_all(OUTSIDE, [(Action.FOUND_VARIABLES, target, None)], change_set=None)
    conclude_all([(event.pk, Outcome.SUCCEEDED, None, "")])
