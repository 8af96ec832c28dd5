"""What sources share to find keys of many apps at once."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Case, F, IntegerField, QuerySet, When

from console.access.policy import Access
from console.environment.keys import FoundKey
from console.lib.text.matching import BEGINNING, INSIDE, WHOLE, WORD


def find_keys(
    rows: QuerySet[Any], accesses: Sequence[Access], text: str, limit: int
) -> list[FoundKey]:
    """Return keys of these apps that contain the text, best first. Takes two queries.

    The first app goes before the others, then a whole key, its beginning, the beginning of one of
    its words, and the rest. `rows` are of a model with `app`, `key` and `branch`.
    """
    if not accesses or not text:
        return []
    rows = rows.filter(app__in=[access.app.pk for access in accesses])
    # PostgreSQL wants what DISTINCT rows are ordered by to be selected.
    ranked = rows.filter(key__icontains=text).annotate(
        elsewhere=Case(When(app=accesses[0].app, then=0), default=1), fit=rank("key", text)
    )
    best = ranked.order_by("elsewhere", "fit", "key", "app_id")
    columns = best.values_list("app_id", "key", "elsewhere", "fit").distinct()
    names = [(app_id, key) for app_id, key, *_ in columns[:limit]]
    found: dict[tuple[int, str], dict[int | None, int]] = {name: {} for name in names}
    apps, keys = {app_id for app_id, _ in names}, {key for _, key in names}
    scopes = rows.filter(app__in=apps, key__in=keys)
    scopes = scopes.order_by(F("branch__sort_key").asc(nulls_first=True))
    for app_id, key, branch_id, pk in scopes.values_list("app_id", "key", "branch_id", "pk"):
        if (app_id, key) in found:
            found[app_id, key][branch_id] = pk
    return [FoundKey(app_id, key, pks) for (app_id, key), pks in found.items()]


def rank(field: str, text: str) -> Case:
    """Return an expression that is smaller, the better a field fits (`rank_of` in SQL)."""
    words = (When(**{f"{field}__icontains": mark + text}, then=WORD) for mark in "_-/. ")
    return Case(
        When(**{f"{field}__iexact": text}, then=WHOLE),
        When(**{f"{field}__istartswith": text}, then=BEGINNING),
        *words,
        default=INSIDE,
        output_field=IntegerField(),
    )
