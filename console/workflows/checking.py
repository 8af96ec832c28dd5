"""Check a project's code against what an app's branches hold, before it is deployed.

Nothing is revealed: keys alone are compared, and no value is read.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from console.access.policy import Access
from console.catalog.previews import previews_of
from console.environment.sources import sources
from console.lib.naming.branch_patterns import matches
from console.lib.naming.names import ALL_BRANCHES
from console.lib.scanning.builtin import is_builtin
from console.lib.scanning.manifest import Declared
from console.lib.scanning.results import Place, PlacedUse, Project
from console.lib.scanning.uses import VARIABLE
from console.lib.text.likely_secrets import secret_warning, token_format
from console.models import Branch, scope_name

OFFER = "A preview would take this from {}. Copy it to make it effective."
SHOWN = 4  # characters of a key that may be a value
VALUE_AS_KEY = "This looks like a value. Write the name of the secret in the code, and replace it."
# Names with words, such as STRIPE_KEY_2 or stripe-key-2
_NAME = re.compile(r"[A-Z0-9]{1,15}([_.-][A-Z0-9]{1,15})+|[a-z0-9]{1,15}([_.-][a-z0-9]{1,15})+")


class State(StrEnum):
    """What a branch has of a key that the project uses or declares."""

    MISSING = "missing"
    OPTIONAL = "not set"  # and nothing needs it
    OWN = "own"
    INHERITED = ALL_BRANCHES
    UNUSED = "unused"


@dataclass(frozen=True)
class Line:
    """A key on a branch. `places` are where the project uses it, or declares it.

    `noun` is "" if the project doesn't say which kind it is. `hint` says what may be wrong.
    """

    branch: Branch | None
    noun: str
    key: str
    state: State
    places: Sequence[Place]
    hint: str = ""
    description: str = ""
    pattern: str = ""


@dataclass(frozen=True)
class Report:
    """The result of a check, by branch, with what is missing first.

    `outdated` are the nouns of the sources whose store could not be reached just now.
    """

    lines: Sequence[Line]
    outdated: Sequence[str]

    @property
    def missing(self) -> Sequence[Line]:
        """Return what a deployment would fail without."""
        return [line for line in self.lines if line.state is State.MISSING]


def check(access: Access, project: Project, scopes: Sequence[Branch | None]) -> Report:
    """Compare a project with these branches. None is what every branch gets.

    Asks each source's store for changes first. After that, one query per source, and one more.
    """
    held: dict[str, dict[int | None, set[str]]] = {}
    previews = previews_of(access).sources
    outdated = []
    for source in sources():
        source.check(access)
        last = source.last_check(access)
        if last and not last.is_reachable:
            outdated.append(source.noun)
        by_scope: defaultdict[int | None, set[str]] = defaultdict(set)
        for value in source.own_keys(access):
            by_scope[value.branch_id].add(value.key)
        held[source.noun] = by_scope
    used = [*_keys(project)]
    lines = [
        line
        for branch in scopes
        for line in _branch_lines(project, used, _Held(branch, held, previews))
    ]
    return Report(lines, outdated)


@dataclass(frozen=True)
class _Key:
    """A key that the project uses or declares, with what is the same on every branch."""

    noun: str
    key: str
    manifest: Declared | None
    places: Sequence[Place]
    is_needed: bool  # by the code
    is_value: bool


def _keys(project: Project) -> Iterator[_Key]:
    declared = {(it.noun, it.key): it for it in project.declared}
    for noun, key in _names(project):
        uses = project.uses.get((noun, key), ())
        manifest = declared.get((noun, key)) or declared.get(("", key))
        yield _Key(
            noun,
            key,
            manifest,
            _places(project, uses, manifest),
            any(not use.is_optional for use in uses),
            looks_like_value(key),
        )


def _branch_lines(project: Project, used: Sequence[_Key], has: "_Held") -> list[Line]:
    lines = [_line(has, it) for it in used]
    known = {(line.noun, line.key) for line in lines} | project.uses.keys()
    known |= {(VARIABLE, key) for key in project.sets}
    loose = {line.key for line in lines if not line.noun}
    prefixes = tuple(project.prefixes)
    for noun, keys in has.effective.items():
        lines += [
            Line(has.branch, noun, key, State.UNUSED, ())
            for key in keys
            if (noun, key) not in known
            and key not in loose
            and not _needs_none(noun, key)
            and not (noun == VARIABLE and key.startswith(prefixes))
        ]
    order = list(State)
    return sorted(lines, key=lambda line: (order.index(line.state), line.noun, line.key))


def _names(project: Project) -> Iterator[tuple[str, str]]:
    """Yield (noun, key) of what the project uses or declares, but doesn't set itself."""
    declared = {(it.noun, it.key) for it in project.declared}
    for noun, key in project.uses:
        is_expected = (noun, key) in declared or not _needs_none(noun, key)
        if is_expected and not (noun == VARIABLE and key in project.sets):
            yield noun, key
    used = {key for _, key in project.uses} | project.sets
    for noun, key in declared:
        is_known = (noun, key) in project.uses or (noun == VARIABLE and key in project.sets)
        if not is_known and (noun or not (key in used or is_builtin(key))):
            yield noun, key


def _needs_none(noun: str, key: str) -> bool:
    return noun == VARIABLE and is_builtin(key)


class _Held:
    """What a branch gets from every source."""

    def __init__(
        self,
        branch: Branch | None,
        held: Mapping[str, Mapping[int | None, Collection[str]]],
        previews: Mapping[int, Branch],
    ) -> None:
        self.branch = branch
        self._source = previews.get(branch.pk) if branch else None
        self._offered = (
            {noun: set(scopes.get(self._source.pk, ())) for noun, scopes in held.items()}
            if self._source
            else {}
        )
        pk = branch.pk if branch else None
        self.own = {noun: set(scopes.get(pk, ())) for noun, scopes in held.items()}
        self.effective = {
            noun: self.own[noun] | set(scopes.get(None, ())) for noun, scopes in held.items()
        }

    def state(self, noun: str, key: str) -> State | None:
        """Return whether the value is the branch's own or inherited, or None if it has none."""
        for kind in [noun] if noun else self.own:
            if key in self.effective[kind]:
                is_own = key in self.own[kind] and self.branch is not None
                return State.OWN if is_own else State.INHERITED
        return None

    def other(self, noun: str, key: str) -> str:
        """Return the noun of another kind of value with this key, or ""."""
        return next((it for it, keys in self.effective.items() if it != noun and key in keys), "")

    def offer(self, noun: str, key: str) -> str:
        """Return that the branch is a preview of one that has the value, or ""."""
        nouns = [noun] if noun else self._offered.keys()
        if self._source and any(key in self._offered[it] for it in nouns):
            return OFFER.format(self._source.name)
        return ""


def _line(has: _Held, used: _Key) -> Line:
    noun, key, manifest = used.noun, used.key, used.manifest
    state, hint, shown = has.state(noun, key), "", key
    if state is None:
        is_required = _is_required(used, has.branch)
        state = State.MISSING if is_required else State.OPTIONAL
        if other := has.other(noun, key) if noun else "":
            hint = f"There is a {other} of this name, but the code needs a {noun}."
        elif offer := has.offer(noun, key):
            hint = offer
        if used.is_value:
            shown, hint = f"{key[:SHOWN]}…", VALUE_AS_KEY
    return Line(
        has.branch,
        noun,
        shown,
        state,
        used.places,
        hint,
        _without_token(manifest.description) if manifest else "",
        _without_token(manifest.pattern) if manifest else "",
    )


def looks_like_value(key: str) -> bool:
    """Return True if someone probably wrote a secret value where its name belongs."""
    if token_format(key):
        return True
    return not _NAME.fullmatch(key) and bool(secret_warning("", key))


def _without_token(text: str) -> str:
    return "" if token_format(text) else text


def _places(
    project: Project, uses: Sequence[PlacedUse], manifest: Declared | None
) -> Sequence[Place]:
    """Return where a key is used, first where it is needed; otherwise where it is declared."""
    ordered = sorted(uses, key=lambda use: use.is_optional)
    places = list(dict.fromkeys(use.place for use in ordered))
    return places or ([Place(project.manifest, manifest.line)] if manifest else [])


def _is_required(used: _Key, branch: Branch | None) -> bool:
    """Return True if a deployment fails without a value. The manifest has the last word."""
    if used.manifest and used.manifest.noun:
        return matches(used.manifest.required, scope_name(branch) if branch else "")
    return used.is_needed
