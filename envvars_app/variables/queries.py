"""Which variables a page shows, and what a branch really gets. From the database."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from console.access.policy import Access, Permission
from console.models import App, Branch, scope_name
from console.web.listing import (
    CHANGED,
    ONLY_ALL_BRANCHES,
    SORTS,
    Listing,
    Query,
    branches_with,
    page_of,
)
from envvars_app.formats.hints import looks_secret, meaning
from envvars_app.models import Variable

LINES, CHARACTERS = 4, 240  # of a value, in a list
_COLUMNS = ("pk", "key", "value", "branch_id", "version", "changed_by")


def branches_of(access: Access) -> list[Branch]:
    """Return the app's branches, and those deleted ones that have variables left."""
    return branches_with(access, _live(access.app))


def list_variables(access: Access, query: Query, branches: Iterable[Branch]) -> Listing:
    """Return the page that `query` asks for: three queries, whatever the number of variables."""
    branches = [*branches]
    chosen = query.chosen(branches)
    variables = _filtered(access.app, query, chosen)
    page = page_of(query, variables, columns(variables.order_by(*SORTS[query.sort])))
    return Listing.of(query, page, rows_of(access, page.object_list, branches, chosen), chosen)


def columns(variables: QuerySet[Variable]) -> QuerySet[Variable, dict[str, Any]]:
    """Return what `rows_of` makes rows of."""
    rows: QuerySet[Variable, dict[str, Any]] = variables.values(*_COLUMNS, changed=CHANGED)
    return rows


def rows_of(
    access: Access,
    variables: Iterable[dict[str, Any]],
    branches: Iterable[Branch],
    chosen: Branch | None = None,
) -> list[dict[str, Any]]:
    """Return variables, of which `columns` told, as rows."""
    scopes = _scopes(access, branches, chosen)
    rows = [row for row in variables if row["branch_id"] in scopes]
    overridden = _overridden(access.app, rows)
    for row in rows:
        row |= scopes[row["branch_id"]]
        key = row["key"]
        row["base_there"] = row["branch_id"] is not None and (None, key) in overridden
        mine = overridden.get(key, []) if row["branch_id"] is None else []
        row["overrides"] = ", ".join(name for name, _, _ in mine)
        row["seen"] = ",".join(f"{pk}:{version}" for _, pk, version in mine)
        row["hint"], row["secretive"] = meaning(key), looks_secret(key, row["value"])
        row["notable"] = bool(
            row["deleted"] or row["origin"] or row["secretive"] or row["base_there"]
        )
        row["shown"] = _beginning(row["value"])
        row["outcome"], row["typed_key"], row["removing"] = None, None, False
        row["id"] = str(row["pk"])
        row["changed"] = f"{row['changed'][:16]}Z"
    return rows


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
class Found:
    """A key that builds find in their environment, with its values.

    `only_on` names the branches whose builds alone have it; where it is empty, all do.
    """

    key: str
    values: set[str] = field(default_factory=set, repr=False)
    only_on: list[str] = field(default_factory=list)


def found_by_builds(access: Access, branch: Branch | None) -> list[Found]:
    """Return what a branch's builds find, sorted by key; for no branch, those of every branch.

    Nothing is built from a deleted branch.
    """
    if branch is not None:
        return [Found(key, {value}) for key, value in effective(access, branch).items()]
    overrides = Q(key__in=_live(access.app).filter(branch=None).values("key"))
    rows = _live(access.app).filter(Q(branch=None) | Q(branch__deleted_at=None) & ~overrides)
    found: dict[str, Found] = {}
    row: Any
    for row in rows.order_by("branch__name").values_list("key", "value", "branch__name"):
        key, value, name = row
        one = found.setdefault(key, Found(key))
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


def _overridden(app: App, rows: list[dict[str, Any]]) -> dict[Any, Any]:
    """Return, for the keys of a page: what overrides each (branch, id, version), and the bases."""
    keys = {row["key"] for row in rows}
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
