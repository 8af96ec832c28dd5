"""Queries of variables: rows for lists, effective values, what builds get."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from console.access.actors import OUTSIDE
from console.access.explain import why_locked
from console.access.policy import Access
from console.lib.text.invisible import describe_invisible
from console.lib.text.likely_secrets import secret_warning
from console.models import App, Branch, scope_name
from console.web.lists.filters import (
    RowFilter,
    Waiting,
    apply,
    matches,
    next_deployment,
    origins,
)
from console.web.lists.listing import (
    CHANGED,
    ONLY_ALL_BRANCHES,
    SORTS,
    Listing,
    Query,
    Row,
    add_notes,
    branches_of_rows,
)
from console.web.lists.missing import MissingRow, page_of
from envvars_app.formats.hints import describe_key
from envvars_app.models import Variable

PREVIEW_LINES, PREVIEW_CHARACTERS = 4, 240  # of a value, in a list
_OUTSIDE = RowFilter("outside", "Changed in Amplify", "warn", Q(changed_by=OUTSIDE.label), "warn")
IN_AMPLIFY = "in Amplify"  # who wrote a variable that came from there: Amplify tells no person


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What Amplify holds of a variable. `state` is "pending", "conflict", "drift" or "denied".

    `pk` names the difference, and `seen` what the page showed of it; "" if there is nothing to
    decide. `preview` is the start of Amplify's value, None if it has no such variable.
    """

    state: str
    pk: int
    seen: str = ""
    preview: str | None = None


@dataclass(slots=True, kw_only=True)
class VariableRow(Row):
    """A variable in a list. `preview` is the start of its value, and `remark` says what
    can't be seen in it.

    `overrides` names the branches that override it; `override_versions` ("id:version", separated by
    commas) is the version of each, on which its removal is based. `secret_warning` says why it
    looks like a secret, or is "". `command` prints its value. `typed_key` and `is_removing` are set
    after a failed save. `counterpart` is what Amplify holds, if that differs.
    """

    value: str
    preview: str
    remark: str
    has_base: bool
    overrides: str
    override_versions: str
    hint: str
    secret_warning: str
    command: str
    typed_key: str | None = None
    is_removing: bool = False
    counterpart: Counterpart | None = None

    @property
    def notable(self) -> bool:
        """Return True if the row has badges."""
        badges = (self.secret_warning, self.counterpart, self.warnings, self.copy_of, self.deleted)
        return self.next_deployment or self.has_base or self.origin == "inherited" or any(badges)


class _Stored(NamedTuple):
    """The columns that a list reads. `changed` is a time as the database's text."""

    pk: int
    key: str
    value: str
    branch_id: int | None
    version: int
    changed_by: str
    changed: str


def listed_branches(access: Access) -> list[Branch]:
    """Return the app's branches, including deleted ones that still have variables."""
    return branches_of_rows(access, _live(access.app))


def list_variables(
    access: Access,
    query: Query,
    branches: Iterable[Branch],
    waiting: Waiting = frozenset(),
    missing: Sequence[MissingRow] | None = None,
) -> Listing[VariableRow]:
    """Return the page that `query` asks for. Takes five queries.

    `waiting` is what takes effect at a next deployment, `missing` what the chosen branch lacks.
    """
    branches = [*branches]
    chosen = query.chosen(branches)
    filters = [
        *origins(chosen, _live(access.app).filter(branch=None).values("key")),
        _OUTSIDE,
        *next_deployment("variable", waiting, branches),
    ]
    found = apply(
        access.app,
        query,
        _filtered(access.app, query, chosen),
        filters,
        missing,
    )
    columns = stored_columns(found.rows.order_by(*SORTS[query.sort]))
    page = page_of(query, columns, found.count, missing)
    stored = [row for row in page.object_list if isinstance(row, tuple)]
    rows = to_rows(access, stored, branches, chosen)
    return Listing.of(query, page, rows, chosen, found.chips)


def stored_columns(variables: QuerySet[Variable]) -> QuerySet[Variable, Any]:
    """Return the columns that `to_rows` needs."""
    return variables.annotate(changed=CHANGED).values_list(*_Stored._fields)


def to_rows(
    access: Access,
    variables: Iterable[Any],
    branches: Iterable[Branch],
    chosen: Branch | None = None,
) -> list[VariableRow]:
    """Return variables, from `stored_columns`, as rows."""
    scopes = _scopes(access, branches, chosen)
    stored = [row for row in map(_Stored._make, variables) if row.branch_id in scopes]
    overridden = _overrides_and_bases(access.app, {row.key for row in stored})
    rows = [
        _row(access.app, variable, scopes[variable.branch_id], overridden) for variable in stored
    ]
    add_notes(access.app, rows)
    return rows


def _row(
    app: App, variable: _Stored, scope: dict[str, Any], overridden: dict[Any, Any]
) -> VariableRow:
    overrides = overridden.get(variable.key, []) if variable.branch_id is None else []
    return VariableRow(
        pk=variable.pk,
        key=variable.key,
        branch_id=variable.branch_id,
        version=variable.version,
        changed=f"{variable.changed[:16]}Z",
        changed_by=IN_AMPLIFY if variable.changed_by == OUTSIDE.label else variable.changed_by,
        value=variable.value,
        preview=preview_of(variable.value),
        remark=describe_invisible(variable.value),
        has_base=variable.branch_id is not None and (None, variable.key) in overridden,
        overrides=", ".join(name for name, _, _ in overrides),
        override_versions=",".join(f"{pk}:{version}" for _, pk, version in overrides),
        hint=describe_key(variable.key),
        secret_warning=secret_warning(variable.key, variable.value),
        command=read_command(app, scope["branch"] if variable.branch_id else "", variable.key),
        **scope,
    )


def read_command(app: App, branch: str, key: str) -> str:
    """Return the shell command that prints a variable. `branch` "" is All branches."""
    scope = f" --branch {shlex.quote(branch)}" if branch else ""
    return f"manage.py variable get {shlex.quote(key)} --app {app.app_id}{scope}"


def effective_values(access: Access, branch: Branch | None) -> dict[str, str]:
    """Return a branch's values by key: its own, otherwise those for All branches.

    None returns what a branch without overrides gets.
    """
    rows = _live(access.app).filter(Q(branch=None) | Q(branch=branch))
    values: dict[str, str] = {}
    row: Any
    for row in rows.values_list("branch_id", "key", "value"):
        branch_id, key, value = row
        if branch_id is not None or key not in values:
            values[key] = value
    return dict(sorted(values.items()))


@dataclass
class BuildVariable:
    """A key in the environment of builds, with its values on the different branches.

    `only_on` names the branches that have the key. It is empty if all do.
    """

    key: str
    values: set[str] = field(default_factory=set, repr=False)
    only_on: list[str] = field(default_factory=list)


def build_variables(
    access: Access, branch: Branch | None, *, without: QuerySet[Any, Any] | None = None
) -> list[BuildVariable]:
    """Return the variables that a branch's builds get, sorted by key. None means of any branch.

    Deleted branches don't count, since Amplify doesn't build them. Neither do those in `without`, a
    query for their ids.
    """
    if branch is not None:
        return [
            BuildVariable(key, {value}) for key, value in effective_values(access, branch).items()
        ]
    built = Q(branch__deleted_at=None)
    if without is not None:
        built &= ~Q(branch__in=without)
    rows = _live(access.app).filter(Q(branch=None) | built)
    found: dict[str, BuildVariable] = {}
    bases: set[str] = set()
    row: Any
    for row in rows.order_by("branch__sort_key").values_list("key", "value", "branch__name"):
        key, value, name = row
        variable = found.setdefault(key, BuildVariable(key))
        variable.values.add(value)
        variable.only_on += [name] if name else []
        if name is None:
            bases.add(key)
    for key in bases:
        found[key].only_on = []
    return [found[key] for key in sorted(found)]


def own_variables(access: Access, branch: Branch | None) -> dict[str, Variable]:
    """Return a scope's own variables by key, sorted."""
    return {row.key: row for row in _live(access.app).filter(branch=branch).order_by("key")}


def preview_of(value: str) -> str:
    """Return the start of a value for a list."""
    lines = value[:PREVIEW_CHARACTERS].split("\n")
    beginning = "\n".join(lines[:PREVIEW_LINES])
    return f"{beginning} …" if len(beginning) < len(value.rstrip("\n")) else value


def _live(app: App) -> QuerySet[Variable]:
    return Variable.objects.filter(app=app, removed_at=None)


def _filtered(app: App, query: Query, chosen: Branch | None) -> QuerySet[Variable]:
    variables = _live(app)
    if chosen:  # show the effective variables
        own_keys = _live(app).filter(branch=chosen).values("key")
        variables = variables.filter(Q(branch=chosen) | Q(branch=None) & ~Q(key__in=own_keys))
    elif query.branch == ONLY_ALL_BRANCHES:
        variables = variables.filter(branch=None)
    return variables.filter(matches(app, query, "value"))


def _scopes(
    access: Access, branches: Iterable[Branch], chosen: Branch | None
) -> dict[int | None, dict[str, Any]]:
    """Return the fields that all rows of a branch share, by branch id."""
    return {
        branch.pk if branch else None: {
            "branch": scope_name(branch),
            "mark": branch.mark if branch else "",
            "deleted": branch is not None and branch.deleted_at is not None,
            "locked": why_locked(access, branch),
            "origin": ("own" if branch else "inherited") if chosen else "",
        }
        for branch in (None, *branches)
    }


def _overrides_and_bases(app: App, keys: set[str]) -> dict[Any, Any]:
    """Map each key to its overrides (name, id, version), and (None, key) to True for a base."""
    found: dict[Any, Any] = {}
    variables = _live(app).filter(key__in=keys).order_by("branch__sort_key")
    row: Any
    for row in variables.values_list("key", "branch_id", "branch__name", "pk", "version"):
        key, branch_id, *override = row
        if branch_id is None:
            found[None, key] = True
        else:
            found.setdefault(key, []).append(override)
    return found
