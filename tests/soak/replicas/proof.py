"""Compare responses, audit events, projection and store of a trial.

`violations` is a pure function over the records. Each check yields one sentence per violation.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from secrets_app.store.limits import VERSIONS_KEPT
from tests.soak.replicas.records import Event, Records, Reveal, SentRow
from tests.soak.replicas.timeline import DONE, REMOVALS, WRITES, State, Timeline, describe

VALID_OUTCOMES = {
    ("succeeded",),
    ("failed",),
    ("denied",),
    ("settled",),
    ("unknown", "settled"),
}
# The responses that fit an outcome; "" is a broken connection
FITTING_RESPONSES = {
    "succeeded": {"saved", "removed", ""},
    "failed": {"failed", "conflict", "not_tried", ""},
    "settled": {"unknown", ""},
    "denied": {"denied", ""},
}
REVEAL_STATUSES = {0, 200, 404, 502, 503}  # no response, ok, removed, store unreachable
BUSY = "is saving this secret right now"


def violations(records: Records) -> list[str]:
    """Return every violation once; an empty list is the proof."""
    timeline = Timeline(records)
    return [*dict.fromkeys(line for check in CHECKS for line in check(timeline))]


def saved_rows(timeline: Timeline) -> Iterator[str]:
    """Each "saved" is a version in the store with that value; each "removed" was true."""
    for row in timeline.records.sent:
        during = timeline.during(row.secret, row.sent, row.answered)
        if row.outcome == "saved":
            held = [(s.version, s.value) for s in during if s.at >= row.sent]
            if (row.version, row.value) not in held:
                yield f"Lost: {describe(row)}; the store held {held}"
        if row.outcome == "removed" and 0 not in {state.version for state in during}:
            yield f"Not removed: {describe(row)}"


def removed_values(timeline: Timeline) -> Iterator[str]:
    """The value of each removed secret was copied to the recycle bin before."""
    copied = {call.value for call in timeline.records.copies if call.kind == "put"}
    for row in timeline.records.sent:
        during = timeline.during(row.secret, row.sent, row.answered)
        removed = {state.value for state in during if state.version}
        if row.outcome == "removed" and removed and removed.isdisjoint(copied):
            yield f"Removed without a copy: {describe(row)}"


def stored_values(timeline: Timeline) -> Iterator[str]:
    """Each value in the store was sent by a user, was accepted, and was written once."""
    times: Counter[tuple[str, str]] = Counter()
    for call in timeline.records.journal:
        if call.kind != "put":
            continue
        if call.path not in timeline.records.paths:
            yield f"Written to an unknown path: {call}"
            continue
        row = timeline.by_value.get((timeline.records.paths[call.path][0], call.value))
        if row is None:
            yield f"Not sent by any user: {call}"
        elif row.outcome not in {"saved", "unknown", ""}:
            yield f"Written despite the response: {describe(row)}"
        times[call.path, call.value] += 1
    for (path, value), number in times.items():
        if number > 1:
            yield f"Written {number} times: {value} at {path}"


def overwrites(timeline: Timeline) -> Iterator[str]:
    """Each write and each removal replaced the version that its page had shown."""
    for secret, states in timeline.states.items():
        for before, after in zip([State(0), *states], states, strict=False):
            if after.version not in {0, before.version + 1}:
                yield f"The journal of {secret} has version {after.version} after {before.version}"
            row = timeline.cause_of(secret, after)
            if row is None:
                continue
            is_unseen = before.version and before.at > row.loaded
            if row.base != before.version or is_unseen:
                yield f"Overwritten unseen: {before}, by {describe(row)}"


def audited_writes(timeline: Timeline) -> Iterator[str]:
    """Each write and each removal is one audit event that fits the response and the store."""
    for row, events in timeline.events_of.items():
        if len(events) > 1:
            yield f"Audited {len(events)} times: {describe(row)}"
        elif events:
            yield from _event_mismatches(timeline, row, events[0])
        elif row.outcome in {"saved", "removed", "unknown"}:
            yield f"Not audited: {describe(row)}"
    for event in timeline.records.events:
        if event.action in WRITES | REMOVALS and event.number not in timeline.row_of:
            yield f"An audit event without a request: {event}"
        if event.action.startswith("found."):
            yield f"Reported as changed outside Branchkeep: {event}"


def _event_mismatches(timeline: Timeline, row: SentRow, event: Event) -> Iterator[str]:
    names = tuple(outcome.name for outcome in event.outcomes)
    if names not in VALID_OUTCOMES:
        yield f"Outcomes are {names}: {event}"
        return
    expected = REMOVALS if row.value is None else WRITES
    last = event.outcomes[-1]
    if event.action not in expected or row.outcome not in FITTING_RESPONSES[last.name]:
        yield f"Audited as {event.action} {last.name}: {describe(row)}"
    if last.name == "succeeded" and row.outcome == "saved" and last.version != row.version:
        yield f"Audited as version {last.version}: {describe(row)}"
    if event.version_before != row.base and event.version_before:
        yield f"Audited with version {event.version_before} before: {describe(row)}"
    if row.value is not None:
        yield from _write_mismatches(timeline, row, event)


def _write_mismatches(timeline: Timeline, row: SentRow, event: Event) -> Iterator[str]:
    last = event.outcomes[-1]
    put = next((s for s in timeline.states[row.secret] if s.value == row.value), None)
    is_new = last.version not in {0, event.version_before}
    if put is None and (last.name == "succeeded" or is_new):
        yield f"Audited as version {last.version} but not written: {describe(row)}"
    if put and (last.name not in DONE or last.version != put.version):
        yield f"Version {put.version} was written but audited as {last}: {describe(row)}"


def audited_removals(timeline: Timeline) -> Iterator[str]:
    """Each removal in the store happened during exactly one successful audit event."""
    for secret, states in timeline.states.items():
        for state in states:
            if state.version == 0 and len(timeline.removals_at(secret, state.at)) != 1:
                yield f"A removal of {secret} at {state.at} has not one audit event"


def conflicts(timeline: Timeline) -> Iterator[str]:
    """Each conflict had a cause: another version, or a running write of the user it names."""
    for row in timeline.records.sent:
        if row.outcome != "conflict":
            continue
        if BUSY in row.message:
            is_true = _was_busy(timeline, row)
        elif row.version:
            is_true = _was_newer(timeline, row)
        else:
            is_true = _was_removed(timeline, row)
        if not is_true:
            yield f"A false conflict: {describe(row)} {row.message}"


def _was_busy(timeline: Timeline, row: SentRow) -> bool:
    named = row.message.removesuffix(row.message[row.message.index(BUSY) :]).strip()
    return any(
        named in {event.actor, "Someone else"}
        for event in timeline.events[row.secret]
        if timeline.was_under_way(event, row.sent, row.answered) and not event.belongs_to(row)
    )


def _was_newer(timeline: Timeline, row: SentRow) -> bool:
    return any(
        state.version == row.version
        and (row.version != row.base or _was_recreated(timeline, row, state))
        and (by := timeline.by_value.get((row.secret, state.value)))
        and row.message.startswith(by.user)
        for state in timeline.during(row.secret, row.sent, row.answered)
    )


def _was_recreated(timeline: Timeline, row: SentRow, state: State) -> bool:
    # A re-created secret starts at version 1 again, which may be the version that the page showed
    held = timeline.during(row.secret, row.requested, state.at)
    return state.at > row.requested and any(before.version == 0 for before in held)


def _was_removed(timeline: Timeline, row: SentRow) -> bool:
    # Pages show a secret until its removal is committed, which is after the store removed it, and
    # a new secret while its first save runs, which may fail
    return any(
        (event.action in REMOVALS and event.is_done)
        or (event.action in WRITES and not (event.version_before or event.is_done))
        for event in timeline.events[row.secret]
        if timeline.was_under_way(event, row.requested, row.answered)
    )


def projection(timeline: Timeline) -> Iterator[str]:
    """The final projection matches the store, and reports each mirror that differs."""
    for secret in {*timeline.states, *timeline.records.rows}:
        held = timeline.states[secret][-1] if timeline.states[secret] else State(0)
        mirror = timeline.mirrors[secret][-1] if timeline.mirrors[secret] else State(0)
        row = timeline.records.rows.get(secret)
        if (row.version if row else 0) != held.version:
            yield f"{secret} shows {row}, but the store holds version {held.version}"
        if row and (row.is_leased or not row.version):
            yield f"{secret} is left over: {row}"
        has_mirror = (secret, True) in timeline.records.paths.values()
        if row and has_mirror and mirror.value != held.value and not row.mirror:
            yield f"{secret}: the mirror differs, but its row doesn't show it"


def history(timeline: Timeline) -> Iterator[str]:
    """The store's own history of each parameter matches the journal."""
    written: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for call in timeline.records.journal:
        if call.kind == "delete":
            written.pop(call.path, None)
        elif call.kind == "put":
            written[call.path].append((call.version, call.value))
    for path in {*written, *timeline.records.history}:
        listed = timeline.records.history.get(path, [])
        kept = written.get(path, [])[-VERSIONS_KEPT:]
        if listed != kept:
            yield f"The store's history of {path} is {listed}, its journal {kept}"


def reveals(timeline: Timeline) -> Iterator[str]:
    """Each reveal returned what the store held then, and is one audit event."""
    known = set()
    for reveal in timeline.records.reveals:
        events = [e for e in timeline.events[reveal.secret] if e.belongs_to_reveal(reveal)]
        known |= {event.number for event in events}
        yield from _reveal_mismatches(timeline, reveal, events)
    for event in timeline.records.events:
        if event.action == "secret.reveal" and event.number not in known:
            yield f"A reveal event without a request: {event}"


def _reveal_mismatches(timeline: Timeline, reveal: Reveal, events: list[Event]) -> Iterator[str]:
    names = [tuple(outcome.name for outcome in event.outcomes) for event in events]
    if reveal.status == 200:
        held = {s.value: s for s in timeline.during(reveal.secret, reveal.sent, reveal.answered)}
        version = held[reveal.value].version if reveal.value in held else 0
        if not version:
            yield f"Revealed a value that the store did not hold: {reveal}"
        if names != [("succeeded",)] or events[0].outcomes[0].version != version:
            yield f"A reveal of version {version} is audited as {events}: {reveal}"
    elif reveal.status and any(outcomes != ("failed",) for outcomes in names):
        yield f"Status {reveal.status} is audited as {names}: {reveal}"
    elif len(names) > 1:
        yield f"Audited {len(names)} times: {reveal}"


def responses(timeline: Timeline) -> Iterator[str]:
    """Only kills left requests without a response, and no response was an error page."""
    for one in (*timeline.records.sent, *timeline.records.reveals):
        is_missing = one.status == 0 if isinstance(one, Reveal) else one.outcome == ""
        kills = timeline.records.kills
        during_kill = (start <= one.answered and end >= one.sent for start, end in kills)
        if is_missing and not any(during_kill):
            yield f"No response, and nothing was killed: {one}"
        is_strange = isinstance(one, SentRow) and one.outcome.startswith("status")
        if is_strange or (isinstance(one, Reveal) and one.status not in REVEAL_STATUSES):
            yield f"An unexpected response: {one}"


def chain(timeline: Timeline) -> Iterator[str]:
    """The audit chain is intact."""
    for line in timeline.records.chain_breaks:
        yield f"The audit chain is broken: {line}"


CHECKS: Iterable[Callable[[Timeline], Iterator[str]]] = (
    saved_rows,
    removed_values,
    stored_values,
    overwrites,
    audited_writes,
    audited_removals,
    conflicts,
    projection,
    history,
    reveals,
    responses,
    chain,
)
