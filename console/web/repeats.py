"""Answer a form that is posted twice as the first time.

A double click, a browser's own retry, or a response that got lost: the second post must not find
what the first one saved and call it someone's change. The first post of a change set and its rows
is remembered for a day. A second one waits for it and gets its answer; rows that were not saved
are tried again. Remembered are outcomes, and a keyed digest of the content, but no value.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import monotonic, sleep, time
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog
from django.core.cache import cache
from django.db import DatabaseError
from django.utils.crypto import salted_hmac

from console.lib.results import DONE, Result, RowOutcome
from console.lib.stopping import is_stopping

REMEMBERED = 24 * 60 * 60  # seconds
PATIENCE = 10.0  # seconds that a second post waits for the first
PAUSE = 0.1  # seconds between two looks
# A save that takes longer was probably cut off. The leases of its rows keep a second one safe.
LONGEST_SAVE = 60.0  # seconds

OTHER_CONTENT = "This form was already saved with other content. Reload the page, then save again."
STILL_SAVING = "This form was sent twice, and the first save is still running. Wait a moment."

log = structlog.get_logger()
Save = Callable[[Sequence[RowOutcome]], list[RowOutcome]]


class Row(Protocol):
    """A command about one row."""

    @property
    def token(self) -> str: ...

    @property
    def expected_version(self) -> int: ...

    @property
    def revision(self) -> int | None: ...


C = TypeVar("C", bound=Row)


class NotAgain(Exception):
    """A repeated post that can't be answered as the first one. `message` is for the page."""

    def __init__(self, result: Result, message: str, wait: timedelta | None = None) -> None:
        self.result, self.message = result, message
        self.held_until = datetime.now(UTC) + wait if wait else None
        super().__init__(result)

    def of(self, row: Row) -> RowOutcome:
        """Return this as the outcome of a row."""
        return RowOutcome(
            row.token,
            self.result,
            self.message,
            version=row.expected_version,
            revision=row.revision,
            held_until=self.held_until,
        )


@dataclass(frozen=True)
class Post:
    """A posted form: its change set, what it is about (rows and their bases), and its content.

    A change set may arrive in several posts, each about other rows. The content, by row, holds
    values, so it is only used for its digests.
    """

    change_set: UUID
    about: Sequence[object]
    content: Mapping[str, object]

    @property
    def key(self) -> str:
        """Return the name under which the first post is remembered."""
        return f"save:{self.change_set.hex}:{sha256(_text(self.about)).hexdigest()[:32]}"

    @property
    def digests(self) -> dict[str, str]:
        """Return a digest of each row. Without SECRET_KEY, nobody can check a guess by it."""
        salt = f"content of {self.change_set.hex}"
        return {
            row: salted_hmac(salt, _text([row, content]), algorithm="sha256").hexdigest()
            for row, content in self.content.items()
        }

    def __repr__(self) -> str:
        return f"<Post of {self.change_set}>"


def save_once(post: Post, save: Save) -> list[RowOutcome]:
    """Return the outcomes of the first such post, or those of `save` if this is the first.

    `save` gets the outcomes of the rows that the first time already saved, and returns all. Raises
    NotAgain.
    """
    key, entry = post.key, {"digests": post.digests, "started": time()}
    try:
        first = _first(key, entry)
    except DatabaseError as error:  # the save itself will say what is wrong
        log.error("save.not_remembered", error=type(error).__name__)
        first = None
    if first is None:
        return _save_and_remember(key, entry, save, [])
    if "outcomes" not in first:
        raise NotAgain(Result.HELD, STILL_SAVING, timedelta(seconds=PATIENCE))
    done = [_outcome(fields) for fields in first["outcomes"]]
    same = {row for row, digest in post.digests.items() if first["digests"].get(row) == digest}
    if first["complete"] and same != post.content.keys():
        raise NotAgain(Result.REFUSED, OTHER_CONTENT)
    if first["complete"]:
        return done
    # What was not saved is often posted again with other content: the user has corrected it.
    done = [
        outcome
        if outcome.token in same
        else RowOutcome(outcome.token, Result.REFUSED, OTHER_CONTENT)
        for outcome in done
    ]
    return _save_and_remember(key, entry, save, done)


def save_rows_once(
    change_set: UUID,
    commands: Sequence[C],
    content: Callable[[C], Sequence[object]],
    save: Callable[[Sequence[C]], list[RowOutcome]],
) -> list[RowOutcome]:
    """Save the commands as `save` does, unless this post repeats an earlier one.

    `content` returns what a command writes. What can't be answered as the first time is an outcome
    of each row.
    """
    about = [(row.token, row.expected_version, row.revision) for row in commands]
    post = Post(change_set, about, {row.token: content(row) for row in commands})

    def save_rest(done: Sequence[RowOutcome]) -> list[RowOutcome]:
        outcomes = {outcome.token: outcome for outcome in done}
        rest = [row for row in commands if row.token not in outcomes]
        outcomes |= {outcome.token: outcome for outcome in save(rest)}
        return [outcomes[row.token] for row in commands]

    try:
        return save_once(post, save_rest)
    except NotAgain as refusal:
        return [refusal.of(row) for row in commands]


def _first(key: str, entry: dict[str, Any]) -> dict[str, Any] | None:
    """Remember this post, and return None, or return what is remembered of the first one."""
    for _ in range(2):  # again, if the first one failed before it saved anything
        if cache.add(key, entry, REMEMBERED):
            return None
        if first := _wait_for(key):
            return None if _was_cut_off(first) else first
    return None


def _wait_for(key: str) -> dict[str, Any] | None:
    """Return what is remembered once that post has an answer or was cut off."""
    end = monotonic() + PATIENCE
    while first := cache.get(key):
        if "outcomes" in first or _was_cut_off(first) or monotonic() > end or is_stopping():
            return dict(first)
        sleep(PAUSE)
    return None


def _was_cut_off(first: dict[str, Any]) -> bool:
    return "outcomes" not in first and abs(time() - first["started"]) > LONGEST_SAVE


def _save_and_remember(
    key: str, entry: dict[str, Any], save: Save, done: list[RowOutcome]
) -> list[RowOutcome]:
    try:
        outcomes = save(done)
    except BaseException:
        _remember(lambda: cache.delete(key))
        raise
    kept = [outcome for outcome in outcomes if outcome.outcome in DONE]
    saved = {
        **entry,
        "outcomes": [asdict(outcome) for outcome in kept],
        "complete": len(kept) == len(outcomes),
    }
    _remember(lambda: cache.set(key, saved, REMEMBERED))
    return outcomes


def _remember(store: Callable[[], object]) -> None:
    """Change what is remembered. What was saved is reported even if this fails."""
    try:
        store()
    except DatabaseError as error:
        log.error("save.not_remembered", error=type(error).__name__)


def _outcome(fields: dict[str, Any]) -> RowOutcome:
    return RowOutcome(**fields | {"outcome": Result(fields["outcome"])})


def _text(parts: Sequence[object]) -> bytes:
    return json.dumps(parts, default=str).encode()
