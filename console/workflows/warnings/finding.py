"""Find the warnings of an app, and those that somebody dismissed, without reading a store."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from console.access.policy import Access
from console.environment.sources import sources
from console.environment.warnings import AppWarning, WarningKind
from console.models import App, DismissedWarning


@dataclass(frozen=True)
class WarningGroup:
    """The warnings of one kind on a key. `dismissed` is None while they are shown."""

    warnings: Sequence[AppWarning]
    dismissed: DismissedWarning | None = None

    @property
    def first(self) -> AppWarning:
        """Return the first of them."""
        return self.warnings[0]

    @property
    def about(self) -> str:
        """Return what they are about, for a form."""
        return " ".join(it.about for it in self.warnings)


def of_app(access: Access, noun: str = "", key: str | None = None) -> list[WarningGroup]:
    """Return the warnings in groups, the most urgent first. Dismissed ones have their own groups.

    `noun` and `key` narrow them. Takes one query, and one for each source that has values in the
    database.
    """
    keys = None if key is None else {key}
    every = [it for source in sources() for it in source.warnings(access, keys)]
    wanted = [it for it in every if noun in {"", it.noun} and key in {None, it.key}]
    known = _dismissals(access.app, wanted)
    groups: dict[tuple[str, ...], list[AppWarning]] = {}
    for it in wanted:
        dismissal = known.get(_name(it))
        is_dismissed = dismissal is not None and it.about in dismissal.about.split()
        groups.setdefault((*_name(it), "dismissed" if is_dismissed else ""), []).append(it)
    order = list(WarningKind)
    found = [
        WarningGroup(group, known[_name(group[0])] if state else None)
        for (*_, state), group in groups.items()
    ]
    return sorted(found, key=lambda it: (order.index(it.first.kind), it.first.key))


def shown(access: Access, warnings: Iterable[AppWarning]) -> list[AppWarning]:
    """Return the warnings that nobody dismissed. Takes one query at most."""
    warnings = [*warnings]
    known = _dismissals(access.app, warnings)
    return [
        it
        for it in warnings
        if _name(it) not in known or it.about not in known[_name(it)].about.split()
    ]


def _dismissals(
    app: App, warnings: Collection[AppWarning]
) -> dict[tuple[str, str, str], DismissedWarning]:
    if not warnings:
        return {}
    rows = DismissedWarning.objects.filter(app=app)
    return {(row.noun, row.kind, row.key): row for row in rows}


def _name(warning: AppWarning) -> tuple[str, str, str]:
    return warning.noun, warning.kind, warning.key
