"""What spans variables and secrets. No other module of this app imports secrets_app.

A variable that turns out to be a secret is first saved by the secrets' own services, with their
checks. Only then is the variable removed and its values erased. If that fails, both exist and
nothing is lost.
"""

import uuid
from itertools import takewhile

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.events import Outcome
from console.lib.results import DONE, Result, RowOutcome
from console.members.value_events import VARIABLE_WRITES
from console.models import AuditEvent, scope_name
from envvars_app.models import Variable
from envvars_app.variables import save as saving
from envvars_app.variables.commands import DeleteVariable, Overrides
from envvars_app.variables.history import find_variable
from secrets_app.locations import locate_secret
from secrets_app.paths import InvalidPath
from secrets_app.store.base import SecretValue
from secrets_app.writes import save as secrets_saving
from secrets_app.writes.commands import SetSecret

ROTATE = (
    "The value was stored as plain text until now, and builds may have logged it: rotate it "
    "where it was issued."
)
VARIABLE, SECRET, BOTH = "variable", "secret", "both"  # tokens: what an outcome is about
LEFT = "The secret was created, but the variable could not be removed: "


def move_to_secrets(
    *,
    actor: Actor,
    app_id: str,
    pk: int,
    base: int,
    secret_base: int = 0,
    secret_revision: int | None = None,
) -> RowOutcome:
    """Turn a variable into a secret of the same key and scope.

    `base` is the version of the variable that the page showed. `secret_base` and `secret_revision`
    are those of the secret that may be overwritten, 0 for none. Overrides stay. Raises Http404, or
    StoreError if the store can't be read.
    """
    access = find_app(actor, app_id)
    variable = find_variable(access, pk)
    change_set = uuid.uuid4()
    removal = DeleteVariable(
        VARIABLE,
        pk,
        expected_version=base,
        overrides=Overrides.KEEP,
        note="moved to secrets",
        erase_history=True,
    )
    if variable.removed_at is not None or variable.version != base:
        # The save will refuse this, with the message that says who changed it and when.
        [outcome] = saving.save(
            actor=actor, app_id=app_id, commands=[removal], change_set=change_set
        )
        return outcome
    secret = SetSecret(
        SECRET,
        key=variable.key,
        branch_id=variable.branch_id,
        value=SecretValue(variable.value),
        expected_version=secret_base,
        revision=secret_revision,
        origin=_last_write(variable),
        any_type=True,
    )
    [saved] = secrets_saving.save(
        actor=actor, app_id=app_id, commands=[secret], change_set=change_set
    )
    if saved.outcome not in DONE:
        return saved
    [removed] = saving.save(actor=actor, app_id=app_id, commands=[removal], change_set=change_set)
    if removed.outcome in DONE:
        return RowOutcome(SECRET, Result.SAVED, ROTATE, version=saved.version, pk=saved.pk)
    return RowOutcome(BOTH, removed.outcome, LEFT + removed.message, version=saved.version)


def _last_write(variable: Variable) -> int | None:
    """Return the audit event that wrote the value, whose author knows the secret.

    The variable may have had another name then. None if it was not written here.
    """
    versions = variable.versions.values_list("version", "key", "value")  # newest first
    same = [*takewhile(lambda it: it[2] == variable.value, versions)]
    if not same:
        return None
    writes = AuditEvent.objects.filter(
        app_id=variable.app.app_id,
        branch=scope_name(variable.branch),
        subject__in={key for _, key, _ in versions},
        action__in=VARIABLE_WRITES,
        outcomes__outcome=Outcome.SUCCEEDED,
        outcomes__version_after=same[-1][0],
    )
    return writes.order_by("-pk").values_list("pk", flat=True).first()


def secret_base(outcome: RowOutcome) -> str:
    """Return the base of the secret that stopped a move, to overwrite it next time, or ""."""
    return outcome.base_again if outcome.token == SECRET and outcome.version > 0 else ""


def secret_paths(access: Access, variable: Variable) -> tuple[list[str], str]:
    """Return (the parameter paths that a variable would move to, why there are none)."""
    try:
        paths = locate_secret(access.app, variable.branch, variable.key)
    except InvalidPath as refusal:
        return [], str(refusal)
    return [path for path in (paths.primary, paths.mirror) if path], ""
