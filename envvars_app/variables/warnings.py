"""Warnings on stored values of variables. docs/warnings.md has the rules."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from django.urls import reverse

from console.access.policy import Access
from console.environment.typed_values import environments_of
from console.environment.warnings import AppWarning, WarningKind
from console.lib.naming.environments import host_of
from console.lib.naming.lookalikes import spell_out
from console.lib.text.remarks import sentence
from console.models import Branch, scope_name
from envvars_app.formats.validation import REMARKS
from envvars_app.models import Variable

_NOT_A_WORD = re.compile(r"\W+")


class _Stored(NamedTuple):
    """A variable. `scope` is the name of its scope."""

    pk: int
    key: str
    branch_id: int | None
    version: int
    value: str
    scope: str

    @property
    def about(self) -> str:
        return f"{self.pk}:{self.version}"


def of_app(access: Access, keys: Collection[str] | None = None) -> list[AppWarning]:
    """Return the warnings on the app's variables, or on those with these keys. Takes one query.

    Variables of deleted branches count nowhere.
    """
    rows = Variable.objects.filter(app=access.app, removed_at=None)
    if keys is not None:
        rows = rows.filter(key__in=keys)
    live = [branch for branch in access.branches if branch.deleted_at is None]
    scopes = {it.pk if it else None: scope_name(it) for it in (None, *live)}
    columns = rows.order_by("key", "branch__sort_key").values_list(
        "pk", "key", "branch_id", "version", "value"
    )
    stored = [_Stored(*row, scopes[row[2]]) for row in columns if row[2] in scopes]
    return [*_on_values(access, stored), *_on_hosts(access, stored)]


def _on_values(access: Access, stored: Sequence[_Stored]) -> Iterator[AppWarning]:
    for row in stored:
        if REMARKS.is_placeholder(row.value):
            text = "The value looks like a placeholder."
            yield _warning(access, WarningKind.PLACEHOLDER, row, text)
        if words := REMARKS.nearly_full(row.value):
            yield _warning(access, WarningKind.NEARLY_FULL, row, sentence(words))


def _on_hosts(access: Access, stored: Sequence[_Stored]) -> Iterator[AppWarning]:
    """Yield what production gets with a host of another environment."""
    found = environments_of(access)
    if found is None:
        return
    production, environments = found
    live = (branch for branch in access.branches if branch.deleted_at is None)
    others = {branch.pk: branch for branch in live if branch != production}
    by_key: defaultdict[str, dict[int | None, _Stored]] = defaultdict(dict)
    for row in stored:
        by_key[row.key][row.branch_id] = row
    for key, rows in by_key.items():
        used = rows.get(production.pk) or rows.get(None)
        host = host_of(key, used.value) if used else ""
        if used is None or not host:
            continue
        if name := environments.named_by(key, host):
            text = f"{production} gets {host}, which names {spell_out(name)}."
            about = f"{used.about}:{_NOT_A_WORD.sub('-', name)}"
            yield _warning(access, WarningKind.HOST, used, text, about)
        elif sharing := _sharing(rows, used, host, others):
            names = [str(others[row.branch_id]) for row in sharing if row.branch_id]
            text = f"{production} has the same host as {', '.join(names)}: {host}."
            about = "+".join(row.about for row in (used, *sharing))
            yield _warning(access, WarningKind.HOST, used, text, about)


def _sharing(
    rows: Mapping[int | None, _Stored], used: _Stored, host: str, others: Mapping[int, Branch]
) -> list[_Stored]:
    """Return other branches' own values with the host of production's own value.

    Only if another scope has another host: otherwise the key's host is no matter of environments.
    """
    hosts = {row.branch_id: host_of(row.key, row.value) for row in rows.values()}
    if used.branch_id is None or not any(it not in {"", host} for it in hosts.values()):
        return []
    return [
        row for row in rows.values() if row.branch_id in others and hosts[row.branch_id] == host
    ]


def _warning(
    access: Access, kind: WarningKind, row: _Stored, text: str, about: str = ""
) -> AppWarning:
    return AppWarning(
        kind,
        "variable",
        row.key,
        row.scope,
        row.branch_id,
        row.pk,
        text,
        reverse("variable_detail", args=[access.app.app_id, row.pk]),
        about or row.about,
    )
