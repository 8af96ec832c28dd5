"""What preview branches would take from their sources, of secrets and variables.

Nothing of it is effective before it was copied: Amplify gives a branch its own values and those for
All branches alone. So every function here says what a branch lacks, never what it gets.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.access.policy import Access
from console.catalog.previews import previews_of
from console.environment.keys import OwnKey
from console.environment.sources import EnvironmentSource, sources
from console.models import Branch
from console.workflows.coverage import own_keys

NOT_EFFECTIVE = "{branch} would take {number} from {source}. Copy {them} to make {them} effective."
ONE = "{branch} would take this from {source}. Copy it to make it effective."


@dataclass(frozen=True)
class Offer:
    """A value that a preview would take from its source. `value` is the source's own.

    If it `is_shared`, the preview gets the value for All branches now.
    """

    noun: str
    value: OwnKey
    is_shared: bool


def offers_of(access: Access, branch: Branch | None) -> tuple[Branch | None, Sequence[Offer]]:
    """Return the source of a preview, and what it would take from there, secrets first.

    (None, []) for other branches. Takes one query, and for a preview one more of each source.
    """
    source = previews_of(access).sources.get(branch.pk) if branch else None
    if branch is None or source is None:
        return None, []
    return source, [*offers(own_keys(access), branch, source)]


def offers(keys: Mapping[str, Iterable[OwnKey]], branch: Branch, source: Branch) -> Iterator[Offer]:
    """Yield what a branch would take, from the own keys by noun.

    A key that the branch has itself as either kind of value isn't taken.
    """
    held = {row.key for rows in keys.values() for row in rows if row.branch_id == branch.pk}
    for noun, rows in keys.items():
        shared = {row.key for row in rows if row.branch_id is None}
        for row in rows:
            if row.branch_id == source.pk and row.key not in held:
                yield Offer(noun, row, row.key in shared)


def offered_by(
    access: Access,
    source: EnvironmentSource,
    key: str,
    branch: Branch,
    scopes: Collection[int | None],
) -> Branch | None:
    """Return the branch that a preview would take a value from, None if it wouldn't.

    `scopes` have the key in this source. Takes up to one query, and one of each other source.
    """
    if branch.pk in scopes or not any(scopes):
        return None
    found = previews_of(access).sources.get(branch.pk)
    if found is None or found.pk not in scopes:
        return None
    others = (it for it in sources() if it.noun != source.noun)
    held = any((branch.pk, key) in it.overrides(access, {key}) for it in others)
    return None if held else found


def summary(branch: Branch, source: Branch, number: int) -> str:
    """Return a sentence on how many values a preview would take."""
    words = "1 value" if number == 1 else f"{number} values"
    them = "it" if number == 1 else "them"
    return NOT_EFFECTIVE.format(branch=branch.name, number=words, source=source.name, them=them)
