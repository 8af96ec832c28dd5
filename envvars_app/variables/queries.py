"""Which variables a page shows, and what a branch really gets. From the database."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from console.access.policy import Access, Permission
from console.models import App, Branch, scope_name
from console.web.listing import (
    CHANGED,
    ONLY_ALL_BRANCHES,
    SORTS,
    Listing,
    Query,
    Row,
    branches_with,
    page_of,
)
from envvars_app.formats.hints import describe_key, secret_warning
from envvars_app.models import Variable

LINES, CHARACTERS = 4, 240  # of a value, in a list


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRow(Row):
    """A variable in a list. `preview` is the beginning of its value.

    `overrides` names the branches that override it, and `override_versions` is what a removal of
    it is based on: "id:version" of each. `secret_warning` says why it looks like a secret, or is
    "". `typed_key` and `is_removing` are set after a save that left the row as it was typed.
    """

    value: str
    preview: str
    has_base: bool
    overrides: str
    override_versions: str
    hint: str
    secret_warning: str
    typed_key: str | None = None
    is_removing: bool = False

    @property
    def notable(self) -> bool:
        """Return True if the row has badges."""
        return bool(self.deleted or self.origin or self.secret_warning or self.has_base)


class _Stored(NamedTuple):
    """What is read of a variable. `changed` is the database's text of a time."""

    pk: int
    key: str
    value: str
    branch_id: int | None
    version: int
    changed_by: str
    changed: str


def branches_of(access: Access) -> list[Branch]:
    """Return the app's branches, and those deleted ones that have variables left."""
    return branches_with(access, _live(access.app))


def list_variables(
    access: Access, query: Query, branches: Iterable[Branch]
) -> Listing[VariableRow]:
    """Return the page that `query` asks for: three queries, whatever the number of variables."""
    branches = [*branches]
    chosen = query.chosen(branches)
    variables = _filtered(access.app, query, chosen)
    page = page_of(query, variables, columns(variables.order_by(*SORTS[query.sort])))
    return Listing.of(query, page, rows_of(access, page.object_list, branches, chosen), chosen)


def columns(variables: QuerySet[Variable]) -> QuerySet[Variable, Any]:
    """Return the columns that `rows_of` needs."""
    return variables.annotate(changed=CHANGED).values_list(*_Stored._fields)


def rows_of(
    access: Access,
    variables: Iterable[Any],
    branches: Iterable[Branch],
    chosen: Branch | None = None,
) -> list[VariableRow]:
    """Return variables as rows; `variables` is a result of `columns`."""
    scopes = _scopes(access, branches, chosen)
    stored = [row for row in map(_Stored._make, variables) if row.branch_id in scopes]
    overridden = _overridden(access.app, {row.key for row in stored})
    return [_row(variable, scopes[variable.branch_id], overridden) for variable in stored]


def _row(variable: _Stored, scope: dict[str, Any], overridden: dict[Any, Any]) -> VariableRow:
    overrides = overridden.get(variable.key, []) if variable.branch_id is None else []
    return VariableRow(
        pk=variable.pk,
        key=variable.key,
        branch_id=variable.branch_id,
        version=variable.version,
        changed=f"{variable.changed[:16]}Z",
        changed_by=variable.changed_by,
        value=variable.value,
        preview=_beginning(variable.value),
        has_base=variable.branch_id is not None and (None, variable.key) in overridden,
        overrides=", ".join(name for name, _, _ in overrides),
        override_versions=",".join(f"{pk}:{version}" for _, pk, version in overrides),
        hint=describe_key(variable.key),
        secret_warning=secret_warning(variable.key, variable.value),
        **scope,
    )


def effective(access: Access, branch: Branch | None) -> dict[str, str]:
    """Return what a branch really gets, key to value: its own, else those for All branches.

    No branch is what one without overrides gets.
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
    """A key that builds find in their environment, with its values.

    `only_on` names the branches whose builds alone have it; where it is empty, all do.
    """

    key: str
    values: set[str] = field(default_factory=set, repr=False)
    only_on: list[str] = field(default_factory=list)


def build_variables(access: Access, branch: Branch | None) -> list[BuildVariable]:
    """Return what a branch's builds find, sorted by key; for no branch, those of every branch.

    Nothing is built from a deleted branch.
    """
    if branch is not None:
        return [BuildVariable(key, {value}) for key, value in effective(access, branch).items()]
    overrides = Q(key__in=_live(access.app).filter(branch=None).values("key"))
    rows = _live(access.app).filter(Q(branch=None) | Q(branch__deleted_at=None) & ~overrides)
    found: dict[str, BuildVariable] = {}
    row: Any
    for row in rows.order_by("branch__name").values_list("key", "value", "branch__name"):
        key, value, name = row
        one = found.setdefault(key, BuildVariable(key))
        one.values.add(value)
        one.only_on += [name] if name else []
    return [found[key] for key in sorted(found)]


def own(access: Access, branch: Branch | None) -> dict[str, Variable]:
    """Return a scope's own variables by key, sorted."""
    return {row.key: row for row in _live(access.app).filter(branch=branch).order_by("key")}


def _beginning(value: str) -> str:
    """Return as much of a value as a list shows; the whole is a click away."""
    lines = value[:CHARACTERS].split("\n")
    beginning = "\n".join(lines[:LINES])
    return f"{beginning} …" if len(beginning) < len(value.rstrip("\n")) else value


def _live(app: App) -> QuerySet[Variable]:
    return Variable.objects.filter(app=app, removed_at=None)


def _filtered(app: App, query: Query, chosen: Branch | None) -> QuerySet[Variable]:
    variables = _live(app)
    if chosen:  # the effective ones: its own, else those for All branches
        mine = _live(app).filter(branch=chosen).values("key")
        variables = variables.filter(Q(branch=chosen) | Q(branch=None) & ~Q(key__in=mine))
    elif query.branch == ONLY_ALL_BRANCHES:
        variables = variables.filter(branch=None)
    if query.q:
        q = query.q
        found = Q(key__icontains=q) | Q(value__icontains=q) | Q(branch__name__icontains=q)
        variables = variables.filter(found)
    return variables


def _scopes(
    access: Access, branches: Iterable[Branch], chosen: Branch | None
) -> dict[int | None, dict[str, Any]]:
    """Return what is the same for all rows of a branch."""
    return {
        branch.pk if branch else None: {
            "branch": scope_name(branch),
            "deleted": branch is not None and branch.deleted_at is not None,
            "may_write": access.may_on(Permission.WRITE, branch),
            "origin": ("own" if branch else "inherited") if chosen else "",
        }
        for branch in (None, *branches)
    }


def _overridden(app: App, keys: set[str]) -> dict[Any, Any]:
    """Return, for the keys of a page: what overrides each (branch, id, version), and the bases."""
    found: dict[Any, Any] = {}
    there = _live(app).filter(key__in=keys).order_by("branch__name")
    row: Any
    for row in there.values_list("key", "branch_id", "branch__name", "pk", "version"):
        key, branch_id, *override = row
        if branch_id is None:
            found[None, key] = True
        else:
            found.setdefault(key, []).append(override)
    return found
