"""Filters of lists: the chips above them with their counts, and the search in notes and labels."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from django.db.models import Count, Q, QuerySet

from console.catalog.notes import keys_about, keys_by_label
from console.models import App, Branch, scope_name
from console.web.lists.chips import Chip
from console.web.lists.listing import LABELED, Query

LABEL_CHIPS = 6  # the most used ones
MISSING = "missing"  # a filter that leaves no stored row, but what a branch lacks
# (noun, scope, key) of what takes effect at a next deployment
Waiting = frozenset[tuple[str, str, str]]


@dataclass(frozen=True)
class RowFilter:
    """A condition that a chip filters rows by. `name` stands in the query string."""

    name: str
    label: str
    icon: str
    condition: Q
    tone: str = ""


@dataclass(frozen=True)
class Filtered:
    """The rows that match the chosen filter, their number, and the chips."""

    rows: QuerySet[Any]
    count: int
    chips: Sequence[Chip]


def matches(app: App, query: Query, *fields: str) -> Q:
    """Return the condition that a list's search sets.

    The text is searched in these fields, in names of branches, and in notes and labels of keys.
    """
    if not query.q:
        return Q()
    condition = Q(key__in=keys_about(app, query.q))
    for field in ("key", "branch__name", *fields):
        condition |= Q(**{f"{field}__icontains": query.q})
    return condition


def origins(chosen: Branch | None, shared_keys: QuerySet[Any, Any]) -> list[RowFilter]:
    """Return the filters by origin: of one branch's effective values, or of all rows."""
    if chosen:
        return [
            RowFilter("own", "Own", "branch", Q(branch=chosen)),
            RowFilter("inherited", "Inherited", "inherited", Q(branch=None)),
        ]
    is_override = Q(branch__isnull=False, key__in=shared_keys)
    return [RowFilter("overrides", "Overrides", "override", is_override)]


def next_deployment(noun: str, waiting: Waiting, branches: Iterable[Branch]) -> list[RowFilter]:
    """Return the filter for what takes effect at a next deployment, if anything does."""
    ids: dict[str, int | None] = {scope_name(it): it.pk if it else None for it in [None, *branches]}
    scopes = groupby(sorted(it[1:] for it in waiting if it[0] == noun), key=lambda it: it[0])
    condition = Q()
    for scope, found in scopes:
        if scope in ids:  # otherwise it was deleted
            condition |= Q(branch=ids[scope], key__in=[key for _, key in found])
    if not condition:
        return []
    return [RowFilter("next", "Next deployment", "clock", condition)]


def apply(
    app: App,
    query: Query,
    rows: QuerySet[Any],
    filters: Iterable[RowFilter],
    missing: Sequence[Any] | None = None,
) -> Filtered:
    """Narrow the rows by the chosen filter. Takes two queries, which also count all rows.

    `missing` is what the chosen branch lacks, None if the list doesn't show that.
    """
    choices = [*filters, *_labels(app, query)]
    counts = rows.aggregate(
        every=Count("pk"),
        **{f"n{number}": Count("pk", filter=it.condition) for number, it in enumerate(choices)},
    )
    numbers = {it.name: counts[f"n{number}"] for number, it in enumerate(choices)}
    total = counts["every"]
    chips = [_chip(query, it, numbers[it.name]) for it in choices]
    if missing is not None:
        at = 2 if query.branch else 0  # after what the branch has itself and inherits
        label = "Missing or not copied" if any(row.is_offered for row in missing) else "Missing"
        lacks = RowFilter(MISSING, label, "close", Q(), "bad")
        chips.insert(at, _chip(query, lacks, len(missing)))
    is_any = not any(chip.is_current for chip in chips)
    chips = [chip for chip in chips if chip.count or chip.is_current]
    if chips:
        every = RowFilter("", "All", "table", Q())
        chips.insert(0, _chip(query, every, total + len(missing or ()), is_current=is_any))
    if query.only == MISSING and missing is not None:
        return Filtered(rows.none(), 0, chips)
    chosen = next((it for it in choices if it.name == query.only), None)
    if chosen is None:
        return Filtered(rows, total, chips)
    return Filtered(rows.filter(chosen.condition), numbers[chosen.name], chips)


def _chip(query: Query, it: RowFilter, count: int, *, is_current: bool | None = None) -> Chip:
    is_current = query.only == it.name if is_current is None else is_current
    target = "" if is_current else it.name
    address = replace(query, only=target, page="1").filter() or "?"
    return Chip(it.label, count, address, it.icon, it.tone, is_current)


def _labels(app: App, query: Query) -> list[RowFilter]:
    """Return the filters by the most used labels, and by the chosen one. Takes one query."""
    keys = keys_by_label(app)
    used = Counter({label: len(found) for label, found in keys.items()})
    labels = [label for label, _ in used.most_common(LABEL_CHIPS)]
    if query.label and query.label not in labels:
        labels.append(query.label)
    return [
        RowFilter(f"{LABELED}{label}", label, "tag", Q(key__in=keys.get(label, [""])))
        for label in sorted(labels)
    ]
