"""Whether what people were told, the audit trail, the projection and the store tell one story.

A pure function over the records of a trial: it returns its complaints, each in a sentence.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from secrets_app.store.limits import VERSIONS_KEPT
from tests.soak.replicas.records import Entry, Records, Reveal, Sent
from tests.soak.replicas.story import DONE, REMOVES, WRITES, State, Story, said

ENDS = {("succeeded",), ("failed",), ("denied",), ("settled",), ("unknown", "settled")}
# What may follow from what the trail says; "" is a broken connection, after which anything may
FITTING = {
    "succeeded": {"saved", "removed", ""},
    "failed": {"failed", "conflict", ""},
    "settled": {"unknown", ""},
    "denied": {"denied", ""},
}
MAY_ANSWER = {0, 200, 404, 502, 503}  # to a reveal: cut off, it is gone, the store is away
BUSY = "is saving this secret right now"


def complaints(records: Records) -> list[str]:
    """Return what does not fit, the same thing once; nothing at all is the proof."""
    story = Story(records)
    return [*dict.fromkeys(line for check in CHECKS for line in check(story))]


def lost(story: Story) -> Iterator[str]:
    """Each "saved" is a version in the store, with that value; each "removed" was true."""
    for sent in story.records.sent:
        during = story.during(sent.place, sent.sent, sent.heard)
        if sent.answer == "saved":
            held = [(s.version, s.value) for s in during if s.at >= sent.sent]
            if (sent.version, sent.value) not in held:
                yield f"Lost: {said(sent)}; the store held {held}"
        if sent.answer == "removed" and 0 not in {state.version for state in during}:
            yield f"Not removed: {said(sent)}"


def foreign(story: Story) -> Iterator[str]:
    """Nothing is in the store that nobody sent there, nothing twice, nothing that was refused."""
    times: Counter[tuple[str, str]] = Counter()
    for act in story.records.journal:
        if act.act != "put":
            continue
        if act.path not in story.records.paths:
            yield f"Written to a path that is nobody's: {act}"
            continue
        sent = story.by_value.get((story.records.paths[act.path][0], act.value))
        if sent is None:
            yield f"A value that nobody sent: {act}"
        elif sent.answer not in {"saved", "unknown", ""}:
            yield f"Written, though told otherwise: {said(sent)}"
        times[act.path, act.value] += 1
    for (path, value), number in times.items():
        if number > 1:
            yield f"Written {number} times: {value} at {path}"


def overwritten(story: Story) -> Iterator[str]:
    """No write and no removal took what its page had not seen."""
    for place, states in story.states.items():
        for before, after in zip([State(0), *states], states, strict=False):
            if after.version not in {0, before.version + 1}:
                yield f"The journal of {place} has version {after.version} after {before.version}"
            sent = story.by_whom(place, after)
            if sent is None:
                continue
            unseen = before.version and before.at > sent.seen
            if sent.base != before.version or unseen:
                yield f"Overwritten unseen: {before}, by {said(sent)}"


def audited(story: Story) -> Iterator[str]:
    """Each write and each removal is one entry, whose end fits what was told and what is there."""
    for sent, entries in story.entries_of.items():
        if len(entries) > 1:
            yield f"Audited {len(entries)} times: {said(sent)}"
        elif entries:
            yield from _entry_fits(story, sent, entries[0])
        elif sent.answer in {"saved", "removed", "unknown"}:
            yield f"Not audited: {said(sent)}"
    for entry in story.records.trail:
        if entry.action in WRITES | REMOVES and entry.number not in story.sender_of:
            yield f"An entry of what nobody did: {entry}"
        if entry.action.startswith("found."):
            yield f"Somebody outside is accused: {entry}"


def _entry_fits(story: Story, sent: Sent, entry: Entry) -> Iterator[str]:
    outcomes = tuple(end.outcome for end in entry.ends)
    if outcomes not in ENDS:
        yield f"Ended as {outcomes}: {entry}"
        return
    wanted = REMOVES if sent.value is None else WRITES
    last = entry.ends[-1]
    if entry.action not in wanted or sent.answer not in FITTING[last.outcome]:
        yield f"The trail has {entry.action} {last.outcome}, and he was told: {said(sent)}"
    if last.outcome == "succeeded" and sent.answer == "saved" and last.version != sent.version:
        yield f"The trail has version {last.version}, and he was told: {said(sent)}"
    if entry.before != sent.base and entry.before:
        yield f"The trail has version {entry.before} before: {said(sent)}"
    if sent.value is not None:
        yield from _put_fits(story, sent, entry)


def _put_fits(story: Story, sent: Sent, entry: Entry) -> Iterator[str]:
    last = entry.ends[-1]
    put = next((s for s in story.states[sent.place] if s.value == sent.value), None)
    if put is None and (last.outcome == "succeeded" or last.version not in {0, entry.before}):
        yield f"The trail has version {last.version}, and nothing was written: {said(sent)}"
    if put and (last.outcome not in DONE or last.version != put.version):
        yield f"Version {put.version} was written, and the trail has {last}: {said(sent)}"


def removals(story: Story) -> Iterator[str]:
    """Each removal in the store is of one entry that was under way then, and ended well."""
    for place, states in story.states.items():
        for state in states:
            if state.version == 0 and len(story.removing(place, state.at)) != 1:
                yield f"A removal of {place} at {state.at} has not one entry"


def conflicts(story: Story) -> Iterator[str]:
    """Each conflict had another version behind it, or a write under way, of whom it names."""
    for sent in story.records.sent:
        if sent.answer != "conflict":
            continue
        if BUSY in sent.message:
            honest = _was_busy(story, sent)
        elif sent.version:
            honest = _was_newer(story, sent)
        else:
            honest = _was_removed(story, sent)
        if not honest:
            yield f"A dishonest conflict: {said(sent)} {sent.message}"


def _was_busy(story: Story, sent: Sent) -> bool:
    named = sent.message.removesuffix(sent.message[sent.message.index(BUSY) :]).strip()
    return any(
        named in {entry.who, "Someone else"}
        for entry in story.entries[sent.place]
        if story.lasted(entry, sent.sent, sent.heard) and not entry.is_of(sent)
    )


def _was_newer(story: Story, sent: Sent) -> bool:
    return any(
        state.version == sent.version
        and (sent.version != sent.base or _is_another_life(story, sent, state))
        and (by := story.by_value.get((sent.place, state.value)))
        and sent.message.startswith(by.who)
        for state in story.during(sent.place, sent.sent, sent.heard)
    )


def _is_another_life(story: Story, sent: Sent, state: State) -> bool:
    """What is removed and added anew begins at version 1 again, which may be the page's."""
    held = story.during(sent.place, sent.asked, state.at)
    return state.at > sent.asked and any(before.version == 0 for before in held)


def _was_removed(story: Story, sent: Sent) -> bool:
    """A page shows a secret until its removal is committed, which is after it is gone."""
    return any(
        entry.action in REMOVES and entry.is_done and story.lasted(entry, sent.asked, sent.heard)
        for entry in story.entries[sent.place]
    )


def projection(story: Story) -> Iterator[str]:
    """In the end the projection is the store, and says of each mirror how it stands."""
    for place in {*story.states, *story.records.rows}:
        held = story.states[place][-1] if story.states[place] else State(0)
        mirror = story.mirrors[place][-1] if story.mirrors[place] else State(0)
        row = story.records.rows.get(place)
        if (row.version if row else 0) != held.version:
            yield f"{place} shows {row}, and the store holds version {held.version}"
        if row and (row.claimed or not row.version):
            yield f"{place} is left over: {row}"
        has_mirror = (place, True) in story.records.paths.values()
        if row and has_mirror and mirror.value != held.value and not row.mirror:
            yield f"{place}: the mirror differs, and nothing says so"


def history(story: Story) -> Iterator[str]:
    """What the store says of each parameter's versions is what its journal says."""
    lives: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for act in story.records.journal:
        if act.act == "delete":
            lives.pop(act.path, None)
        elif act.act == "put":
            lives[act.path].append((act.version, act.value))
    for path in {*lives, *story.records.history}:
        told, kept = story.records.history.get(path, []), lives.get(path, [])[-VERSIONS_KEPT:]
        if told != kept:
            yield f"The store's history of {path} is {told}, its journal {kept}"


def reveals(story: Story) -> Iterator[str]:
    """Each reveal gave what the store held then, and is one entry; none gave more."""
    known = set()
    for reveal in story.records.reveals:
        entries = [e for e in story.entries[reveal.place] if e.is_of_reveal(reveal)]
        known |= {entry.number for entry in entries}
        yield from _reveal_fits(story, reveal, entries)
    for entry in story.records.trail:
        if entry.action == "secret.reveal" and entry.number not in known:
            yield f"An entry of a reveal that nobody asked for: {entry}"


def _reveal_fits(story: Story, reveal: Reveal, entries: list[Entry]) -> Iterator[str]:
    ends = [tuple(end.outcome for end in entry.ends) for entry in entries]
    if reveal.status == 200:
        held = {s.value: s for s in story.during(reveal.place, reveal.sent, reveal.heard)}
        version = held[reveal.value].version if reveal.value in held else 0
        if not version:
            yield f"Revealed what the store did not hold: {reveal}"
        if ends != [("succeeded",)] or entries[0].ends[0].version != version:
            yield f"A reveal of version {version} is audited as {entries}: {reveal}"
    elif reveal.status and any(end != ("failed",) for end in ends):
        yield f"Status {reveal.status} is audited as {ends}: {reveal}"
    elif len(ends) > 1:
        yield f"Audited {len(ends)} times: {reveal}"


def broken_connections(story: Story) -> Iterator[str]:
    """Nobody went without an answer but by a kill, and nobody met an error page."""
    for one in (*story.records.sent, *story.records.reveals):
        unanswered = one.status == 0 if isinstance(one, Reveal) else one.answer == ""
        killed = (start <= one.heard and end >= one.sent for start, end in story.records.kills)
        if unanswered and not any(killed):
            yield f"No answer, and nothing was killed: {one}"
        strange = isinstance(one, Sent) and one.answer.startswith("status")
        if strange or (isinstance(one, Reveal) and one.status not in MAY_ANSWER):
            yield f"A strange answer: {one}"


def chain(story: Story) -> Iterator[str]:
    """The audit chain holds."""
    for line in story.records.chain:
        yield f"The audit chain is broken: {line}"


CHECKS: Iterable[Callable[[Story], Iterator[str]]] = (
    lost,
    foreign,
    overwritten,
    audited,
    removals,
    conflicts,
    projection,
    history,
    reveals,
    broken_connections,
    chain,
)
