"""Search over the apps, branches and keys that a person may see."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Case, When

from console.access.actors import Actor
from console.access.branches import mark_of
from console.access.policy import Access, group_by_app, memberships
from console.environment.searching import rank
from console.environment.sources import EnvironmentSource, secrets_first, sources
from console.lib.text.matching import INSIDE, rank_of
from console.models import Branch
from console.workflows.coverage import Coverage, coverage, own_keys


@dataclass(frozen=True)
class Key:
    """A key of one source in one app. `scopes` is as in `FoundKey`."""

    source: EnvironmentSource
    access: Access
    key: str
    scopes: Mapping[int | None, int]


@dataclass(frozen=True)
class Found:
    """What a search found, best first, the app it was made in before others.

    `here` is that app or, if it was made outside of apps, a person's only one. `secrets` says which
    of its branches has how many, if one of them was found. `is_cut` is True if there is more than
    the limit.
    """

    here: Access | None
    apps: Sequence[Access] = ()
    branches: Sequence[tuple[Access, Branch]] = ()
    keys: Sequence[Key] = ()
    secrets: Coverage | None = None
    is_cut: bool = False


def search(*, actor: Actor, text: str, app_id: str, limit: int) -> Found:
    """Find apps by name or ID, branches by name and keys, at most `limit` of each.

    No text finds all apps. `app_id` is of the app in which the search was made, or "". Values are
    not searched. Takes up to ten queries, whatever the number of apps and keys.
    """
    accesses = [access for _, access in group_by_app(actor, memberships(actor))]
    accesses.sort(key=lambda access: access.app.app_id != app_id)
    is_here = accesses and (accesses[0].app.app_id == app_id or len(accesses) == 1)
    here = accesses[0] if is_here else None
    apps = _apps(accesses, text)
    if not text:
        return Found(here, apps[:limit], is_cut=len(apps) > limit)
    branches = list(_branches(accesses, text, limit + 1))
    keys = _keys(accesses, text, limit + 1)
    is_cut = any(len(found) > limit for found in (apps, branches, keys))
    has_branch = any(access is here for access, _ in branches)
    secrets = _secrets(here) if here and has_branch else None
    return Found(here, apps[:limit], branches[:limit], keys[:limit], secrets, is_cut)


def _secrets(access: Access) -> Coverage:
    noun = next(source.noun for source in sources() if source.is_confidential)
    return coverage(noun, own_keys(access), access.branches)


def _apps(accesses: Iterable[Access], text: str) -> list[Access]:
    ranked = []
    for access in accesses:
        ranks = (rank_of(access.app.name, text), rank_of(access.app.app_id, text))
        if fitting := [found for found in ranks if found is not None]:
            ranked.append((min(fitting), access))
    return [access for _, access in sorted(ranked, key=lambda it: it[0])]


def _branches(accesses: Sequence[Access], text: str, limit: int) -> Iterator[tuple[Access, Branch]]:
    by_app = {access.app.pk: access for access in accesses}
    if not by_app:
        return
    rows = Branch.objects.filter(app__in=by_app, name__icontains=text, deleted_at=None)
    is_elsewhere = Case(When(app=accesses[0].app, then=0), default=1)
    known = {branch.pk: branch for branch in accesses[0].branches}  # with marks and connections
    for branch in rows.order_by(is_elsewhere, rank("name", text), "sort_key", "app_id")[:limit]:
        if branch.pk not in known:
            branch.mark = mark_of(branch.name)
        yield by_app[branch.app_id], known.get(branch.pk, branch)


def _keys(accesses: Sequence[Access], text: str, limit: int) -> list[Key]:
    by_app = {access.app.pk: access for access in accesses}
    found = [
        Key(source, by_app[app_id], key, scopes)
        for source in secrets_first()
        for app_id, key, scopes in source.search(accesses, text, limit)
    ]

    def order(it: Key) -> tuple[bool, int, str]:
        fit = rank_of(it.key, text)
        return it.access is not accesses[0], INSIDE if fit is None else fit, it.key

    return sorted(found, key=order)[:limit]
