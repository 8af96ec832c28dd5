"""Which secrets a page shows: search, filter, sort, pages. From the database alone.

Rows are dicts, which is what a template reads fastest; a page has up to a hundred of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import CharField, F, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.html import escape

from console.access import Access, Permission
from console.models import App, Branch
from secrets_app.models import Secret
from secrets_app.places import folders_of, has_room, mirror_state, scope_name

PER_PAGE = (15, 50, 100)
ONLY_ALL_BRANCHES = "all"
_BRANCH_ORDER = F("branch__name").asc(nulls_first=True)
SORTS: dict[str, tuple[Any, ...]] = {
    "branch": (_BRANCH_ORDER, "key"),
    "-branch": (F("branch__name").desc(nulls_last=True), "key"),
    "variable": ("key", _BRANCH_ORDER),
    "-variable": ("-key", _BRANCH_ORDER),
    "changed": (F("changed_at").asc(nulls_first=True), "key", _BRANCH_ORDER),
    "-changed": (F("changed_at").desc(nulls_last=True), "key", _BRANCH_ORDER),
}
_COLUMNS = (
    "pk", "key", "branch_id", "version", "mirror_version", "mirror_of", "changed_by", "gone_at",
    "claim_id", "claimed_until",
)  # fmt: skip
# As text, for making a datetime takes longer than all else in reading a row; SQLite and PostgreSQL
# agree on its beginning
_CHANGED = Cast("changed_at", CharField())


@dataclass(frozen=True)
class Query:
    """What a page was asked for; anything that makes no sense falls back."""

    q: str = ""
    branch: str = ""
    sort: str = "branch"
    page: str = "1"
    per_page: int = PER_PAGE[0]

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "Query":
        """Read a query string."""
        sort, per_page = parameters.get("sort", ""), parameters.get("per_page", "")
        return cls(
            q=_searchable(parameters.get("q", "")),
            branch=parameters.get("branch", "")[:20],
            sort=sort if sort in SORTS else "branch",
            page=parameters.get("page", "1")[:9],
            per_page=int(per_page) if per_page in map(str, PER_PAGE) else PER_PAGE[0],
        )


@dataclass(frozen=True)
class Listing:
    """One page of secrets."""

    rows: list[dict[str, Any]]
    total: int
    number: int
    pages: int
    first: int
    last: int
    per_page: int
    sort: str
    q: str
    branch: str
    branch_name: str
    per_page_choices: tuple[int, ...] = field(default=PER_PAGE)


def branches_of(app: App) -> list[Branch]:
    """Return the app's branches, and those deleted ones that left secrets behind."""
    branches = list(app.branches.all())
    if all(branch.deleted_at is None for branch in branches):
        return branches
    full = set(app.secrets.values_list("branch_id", flat=True).distinct())
    return [branch for branch in branches if branch.deleted_at is None or branch.pk in full]


def list_secrets(access: Access, query: Query, branches: Iterable[Branch]) -> Listing:
    """Return the page that `query` asks for: two queries, whatever the number of secrets."""
    chosen = _chosen(query, branches)
    secrets = _filtered(access.app, query, chosen)
    page = Paginator(secrets.order_by(*SORTS[query.sort]), query.per_page).get_page(query.page)
    shape = _Shape(access, [*branches], chosen)
    return Listing(
        rows=[
            shape.row(secret)
            for secret in _columns(cast("QuerySet[Secret]", page.object_list))
            if secret["branch_id"] in shape.scopes  # else its branch came after they were read
        ],
        total=page.paginator.count,
        number=page.number,
        pages=page.paginator.num_pages,
        first=page.start_index(),
        last=page.end_index(),
        per_page=query.per_page,
        sort=query.sort,
        q=query.q,
        branch=query.branch if chosen or query.branch == ONLY_ALL_BRANCHES else "",
        branch_name=chosen.name if chosen else "",
    )


def row_of(access: Access, secret_id: int, branches: Iterable[Branch]) -> dict[str, Any] | None:
    """Return one secret as a row, or None."""
    values = _columns(Secret.objects.filter(app=access.app, pk=secret_id)).first()
    return _Shape(access, [*branches], None).row(values) if values else None


def _columns(secrets: QuerySet[Secret]) -> QuerySet[Secret, dict[str, Any]]:
    rows: QuerySet[Secret, dict[str, Any]] = secrets.values(*_COLUMNS, changed=_CHANGED)
    return rows


def _searchable(text: str) -> str:
    """Return what to search for; PostgreSQL takes no NUL, and no name holds one."""
    return text.strip()[:200].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _chosen(query: Query, branches: Iterable[Branch]) -> Branch | None:
    return next((branch for branch in branches if str(branch.pk) == query.branch), None)


def _filtered(app: App, query: Query, chosen: Branch | None) -> QuerySet[Secret]:
    secrets = Secret.objects.filter(app=app)
    if chosen:  # the effective ones: its own, else those for All branches
        nothing = Q(version=0, mirror_version=0)  # it is gone, or not written yet
        own = Secret.objects.filter(~nothing, branch=chosen).values("key")
        secrets = secrets.filter(Q(branch=chosen) | Q(branch=None) & ~Q(key__in=own))
    elif query.branch == ONLY_ALL_BRANCHES:
        secrets = secrets.filter(branch=None)
    if query.q:
        secrets = secrets.filter(Q(key__icontains=query.q) | Q(branch__name__icontains=query.q))
    return secrets


class _Shape:
    """What is the same for all rows of a page, and for all rows of a branch."""

    def __init__(self, access: Access, branches: list[Branch], chosen: Branch | None) -> None:
        self.scopes: dict[int | None, dict[str, Any]] = {
            branch.pk if branch else None: {
                "branch": _Text(scope_name(branch)),
                "deleted": branch is not None and branch.deleted_at is not None,
                "may_write": access.may_on(Permission.WRITE, branch),
                "may_reveal": access.may_on(Permission.REVEAL, branch),
                "origin": ("own" if branch else "inherited") if chosen else "",
            }
            for branch in (None, *branches)
        }
        folders = folders_of(access.app, branches).items()
        self.mirrors = {branch: folder for (branch, mirror), folder in folders if mirror}
        self.now = timezone.now()

    def row(self, secret: dict[str, Any]) -> dict[str, Any]:
        """Add what the page shows of a secret to its columns."""
        secret |= self.scopes[secret["branch_id"]]
        secret["state"] = self._state(secret)
        secret["mirror"] = self._mirror(secret)
        secret["notable"] = bool(
            secret["deleted"] or secret["state"] or secret["mirror"] or secret["origin"]
        )
        secret["outcome"] = None
        secret["id"], secret["key"] = _Text(secret["pk"]), _Text(secret["key"])
        secret["changed"] = _Text(f"{secret['changed'][:16]}Z") if secret["changed"] else ""
        secret["changed_by"] = _Text(secret["changed_by"])
        return secret

    def _mirror(self, secret: dict[str, Any]) -> str:
        folder = self.mirrors.get(secret["branch_id"])
        if folder is None or not has_room(folder, secret["key"]):
            return ""
        return mirror_state(
            secret["version"], secret["mirror_version"], secret["mirror_of"], secret["changed_by"]
        )

    def _state(self, secret: dict[str, Any]) -> str:
        if secret["claim_id"] is not None:
            return "saving" if secret["claimed_until"] > self.now else "unknown"
        return "gone" if secret["gone_at"] else ""


class _Text(str):
    """Text whose HTML is remembered: names, people and minutes come in row after row."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return it escaped, to a template that asks."""
        return _escaped(self)


_escaped = lru_cache(maxsize=5000)(escape)
