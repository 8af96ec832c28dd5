"""Pages of the activity: entries, one for all events of a change set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

from console.audit.change_sets import CHANGES, UNDID, Group, groups_of
from console.audit.events import Outcome
from console.audit.labels import OUTCOME_LABELS
from console.audit.presentation import MADE, Entry, to_entry
from console.audit.queries import ATTEMPTED, Filter, last_of_change_sets, matching
from console.db import prepared_statements

COUNT_LIMIT = 10_000  # counting more takes long; beyond it a page says "more than"
PER_PAGE = 50  # entries


@dataclass(frozen=True, slots=True)
class Several:
    """The events of a change set, which an entry stands for: the first of them in words."""

    verb: str
    title: str  # "" if nothing was changed
    number: int
    entries: Sequence[Entry]
    is_made: bool  # False if nothing was written for certain

    @property
    def more(self) -> int:
        """Return how many are not among the entries."""
        return self.number - len(self.entries)


class EntryPaginator(Paginator):
    """Pages of entries. Converts only the page shown.

    `has_more` is True if there are older entries than the pages contain.
    """

    has_more = False
    are_grouped = True

    @cached_property
    def count(self) -> int:
        """Return the number of entries on all pages."""
        return cast("QuerySet[Any]", self.object_list).values("pk").count()

    def page(self, number: int | str) -> Page[Any]:
        """Return one page of entries."""
        page = super().page(number)
        events = [*page.object_list]
        groups = groups_of(events) if self.are_grouped else {}
        page.object_list = [_entry_of(event, groups.get(event.change_set)) for event in events]
        return page


def _entry_of(event: Any, group: Group | None) -> Entry:
    """Return an event in words, with the others of its change set."""
    if group is None:
        return to_entry(event)
    outcome, number = group.outcome
    label = OUTCOME_LABELS[outcome or ATTEMPTED]
    entry = to_entry(group.only_change or event)
    is_set = group.changes and not group.only_change
    return replace(
        entry,
        icon=("undo" if group.verb == UNDID else "list") if is_set else entry.icon,
        branch="" if len(group.scopes) > 1 else next(iter(group.scopes), event.branch),
        change_set=event.change_set if group.changes else None,
        outcome=outcome or ATTEMPTED,
        outcome_label=label if outcome == Outcome.SUCCEEDED else f"{number} {label.lower()}",
        detail="",
        several=Several(
            group.verb,
            group.title if is_set else "",
            group.number,
            [to_entry(it) for it in group.events],
            any(it[0] in CHANGES and it[2] in MADE for it in group.counts),
        ),
    )


@prepared_statements.custom_plans()
def page_of(filters: Filter, number: str = "1") -> Page[Any]:
    """Return a page of matching entries, newest first. An invalid number gives the first page."""
    events = matching(filters)
    # Counting more takes long, and so does grouping them
    cut = events.values_list("pk", flat=True)[COUNT_LIMIT : COUNT_LIMIT + 1].first()
    if cut is not None:
        events = events.filter(pk__gt=cut)
    paginator = EntryPaginator(last_of_change_sets(events, filters), PER_PAGE)
    paginator.has_more, paginator.are_grouped = cut is not None, not filters.narrows_rows
    return paginator.get_page(number)
