"""Remove secrets that tokens name, each in the state that the token was made from."""

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from uuid import UUID

from console.access.policy import Access
from console.environment.removal import Removal
from console.lib.results import DONE
from console.lib.row_forms import known_base
from console.lib.stopping import is_stopping
from console.models import Branch
from secrets_app.store.errors import StoreError
from secrets_app.sync.reconciling import refresh
from secrets_app.writes import save
from secrets_app.writes.commands import DeleteSecret

_TOKEN = re.compile(r"([1-9][0-9]{0,14}):([0-9]{1,9}(?::-?[0-9]{1,18})?)\Z", re.ASCII)


def remove_secrets(
    access: Access,
    branch: Branch | None,
    tokens: Collection[str],
    change_set: UUID,
    *,
    without_copy: bool = False,
) -> list[Removal]:
    """Remove secrets of the branch. After a failure, reconcile, so that pages show why."""
    removals = _removals_of(tokens, without_copy=without_copy)
    rows = access.app.secrets.filter(branch=branch, pk__in=removals)
    keys = {str(pk): key for pk, key in rows.order_by("key").values_list("pk", "key")}
    outcomes = save.save_as(
        access=access,
        commands=[removals[int(token)] for token in keys],
        change_set=change_set,
    )
    if not is_stopping() and any(outcome.outcome not in DONE for outcome in outcomes):
        with suppress(StoreError):
            refresh(access.app, rows.all())
    return [
        Removal(keys[it.token], it.outcome, it.message, it.field == "copy", it.token)
        for it in outcomes
    ]


def _removals_of(tokens: Iterable[str], *, without_copy: bool) -> dict[int, DeleteSecret]:
    """Return the removals that tokens of secrets name, by the secret's id."""
    found = filter(None, map(_TOKEN.match, tokens))
    bases = {match[1]: known_base(match[2]) for match in found}
    return {
        int(pk): DeleteSecret(
            pk, int(pk), expected_version=version, revision=revision, without_copy=without_copy
        )
        for pk, (version, revision) in bases.items()
    }
