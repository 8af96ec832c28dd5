"""The doctor: every check in turn, of which none can stop the others.

The parameter store is asked only on demand, and written to only on a demand of its own: a parameter
is written, read back and removed under a path that belongs to no app.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError
from django.utils import timezone

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, recording
from console.lib.health import Finding, State, broken, fine, look, skipped
from console.ops import checks as core
from secrets_app.ops import gauges
from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore, SecretValue
from secrets_app.store.errors import (
    AccessDenied,
    Misconfigured,
    OutcomeUnknown,
    StoreError,
    Throttled,
    Unreachable,
)

PROBES = "/amplify/branchkeep-doctor"  # no app id, no clean namespace of a sandbox has a hyphen
AT_WORK = timedelta(minutes=10)  # no doctor takes as long: a probe that is older is nobody's
NO_ANSWER = (Misconfigured, Throttled, Unreachable)  # what the next call would meet as well
RIGHTS = {  # what each operation of ours asks of AWS
    "list": "ssm:DescribeParameters",
    "look up": "ssm:GetParameters",
    "write": "ssm:PutParameter",
    "decrypt": "ssm:GetParameters, and kms:Decrypt for a customer managed key",
    "remove": "ssm:DeleteParameters",
}
NO_DATABASE = "The database did not answer."
NOT_ASKED = "The store was not called."
NO_ANSWER_BEFORE = "The store did not answer an earlier call."
NOT_WRITTEN = "Write access was not tested."

log = structlog.get_logger()


def examine(*, ask_store: bool = False, writer: Actor | None = None) -> list[Finding]:
    """Return what every check finds. With `writer` a probe is written too, recorded as his act."""
    findings: list[Finding] = []
    for name, check in CHECKS.items():
        away = NO_DATABASE in {it.seen for it in findings}  # the next would wait as long as that
        needs_it = name not in core.WITHOUT_DATABASE
        findings.append(skipped(name, NO_DATABASE) if away and needs_it else _found(name, check))
    try:
        return [*findings, *store_findings(ask=ask_store or writer is not None, writer=writer)]
    except DatabaseError as error:  # the attempt could not be recorded, so nothing was written
        return [*findings, _failed("Store", error)]


def is_well(findings: Sequence[Finding]) -> bool:
    """Say whether nothing is broken."""
    return all(finding.state is not State.BROKEN for finding in findings)


def _found(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # a check that fails is a finding, and the others go on
        return _failed(name, error)


def _failed(name: str, error: Exception) -> Finding:
    log.warning("doctor.check_failed", check=name, error=type(error).__name__)
    if isinstance(error, OperationalError) and name == "Database":
        todo = "Check that the database is running and that DATABASE_URL is correct."
        return broken(name, NO_DATABASE, todo)
    seen = f"This check failed ({type(error).__name__})."
    return broken(
        name, seen, "See the log. A table or a permission on this machine may be missing."
    )


def keys() -> Finding:
    """Say whether ENCRYPTION_KEYS open all that the embedded store holds."""
    if settings.PARAMETER_STORE != "embedded":
        return fine("Keys", "Values are in SSM, encrypted with its key.")
    from secrets_app.store.embedded.store import EmbeddedStore

    try:
        missing = EmbeddedStore(settings.ENCRYPTION_KEYS).missing_keys()
    except ImproperlyConfigured as error:
        return broken("Keys", str(error), "Correct ENCRYPTION_KEYS.")
    if missing:
        seen = f"ENCRYPTION_KEYS is missing {len(missing)} of the keys that stored values need."
        return broken("Keys", seen, "Add the old keys after the new one, separated by commas.")
    number = len(settings.ENCRYPTION_KEYS)
    return fine("Keys", f"ENCRYPTION_KEYS has {number}; no stored value needs another.")


def unknown() -> Finding:
    """Say whether something was left open by a lost answer or a killed process."""
    rows, attempts = gauges.unknown_secrets(), gauges.open_attempts()
    if not rows and not attempts:
        return fine("Open outcomes", "Every save and every activity entry has an outcome.")
    seen = (
        f"{rows:,} secrets with an unknown outcome; {attempts:,} entries of the last day without "
        "one."
    )
    return look("Open outcomes", seen, "Run `manage.py settle`, which checks the store.")


CHECKS = {**core.CHECKS, "Keys": keys, "Open outcomes": unknown}


def store_findings(*, ask: bool, writer: Actor | None) -> Iterator[Finding]:
    """Yield what the store lets the console do, operation by operation."""
    if not ask:
        yield from (skipped(_name(it), NOT_ASKED) for it in RIGHTS)
        return
    try:
        store = parameter_store()
    except (ImproperlyConfigured, Misconfigured) as error:
        seen = getattr(error, "message", str(error))
        yield broken("Store", seen, "Correct its settings.")
        return
    yield from _Visit(store, writer).findings()


def _name(operation: str) -> str:
    return f"Store: {operation}"


@dataclass
class _Visit:
    """One round of asking a store. After a failure that every call would meet no other is made."""

    store: ParameterStore
    writer: Actor | None
    gone: bool = False
    may_be_there: bool = False

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each operation."""
        path = f"{PROBES}/{secrets.token_hex(8)}"
        yield self._try("list", self.store.ping)
        yield self._try("look up", lambda: self.store.current([path]))
        if self.writer is None or self.gone:
            why = NO_ANSWER_BEFORE if self.gone else NOT_WRITTEN
            yield from (skipped(_name(it), why) for it in ("write", "decrypt", "remove"))
            return
        target = Target(subject=path)
        with recording(self.writer, Action.STORE_PROBED, target) as entry:
            found = list(self._written(path))
            if any(finding.state is not State.FINE for finding in found):
                entry.outcome, entry.detail = Outcome.FAILED, _said(found)
        yield from found

    def _written(self, path: str) -> Iterator[Finding]:
        value = SecretValue(secrets.token_hex(8))
        write = self._try("write", lambda: self.store.put(path, value, overwrite=False))
        yield write
        if write.state is State.FINE:
            yield self._try("decrypt", lambda: self._read_back(path, value))
            yield self._clock(path)
        else:
            yield skipped(_name("decrypt"), "There was nothing to read.")
            if not self.may_be_there:
                yield skipped(_name("remove"), "There was nothing to remove.")
                return
        self.gone = False  # whatever happened since, the probe has to go
        yield self._try("remove", lambda: self.store.remove([path]), path)
        if not self.gone:
            yield from self._swept()

    def _read_back(self, path: str, value: SecretValue) -> None:
        reading = self.store.read([path]).get(path)
        if reading is None or reading.value != value:
            raise StoreError(
                "The value that was read differs from the one that was written.",
                code="NotTheSame",
            )

    def _clock(self, path: str) -> Finding:
        """Hold the clock against the time that the store gave the probe."""
        name = "Store: clock"
        try:
            there = self.store.current([path]).get(path)
        except StoreError:
            there = None
        if there is None:
            return skipped(name, "The store did not return a time.")
        return core.told_of_clock(name, "store", there.modified - timezone.now())

    def _swept(self) -> Iterator[Finding]:
        """Remove the probes that a doctor left who was killed; say so where there were any."""
        name, old = _name("leftovers"), timezone.now() - AT_WORK
        try:
            left = [it.path for it in self.store.list([PROBES]) if it.modified < old]
            if left:
                self.store.remove(left)
                yield fine(
                    name, f"Removed {len(left):,} probe parameters left by an interrupted run."
                )
        except StoreError as error:
            yield look(name, error.message, f"Remove the parameters under {PROBES}/ by hand.")

    def _try(self, operation: str, call: Callable[[], Any], left: str = "") -> Finding:
        name = _name(operation)
        if self.gone:
            return skipped(name, NO_ANSWER_BEFORE)
        try:
            call()
        except StoreError as error:
            self.gone = isinstance(error, NO_ANSWER)
            self.may_be_there = isinstance(error, OutcomeUnknown)
            return _refused(operation, error, left)
        return fine(name, "Works.")


def _refused(operation: str, error: StoreError, left: str) -> Finding:
    todo = f"The store returned {error.code}. See docs/operations.md."
    if isinstance(error, AccessDenied) and settings.PARAMETER_STORE == "ssm":
        todo = (
            f"Allow {RIGHTS[operation]} for Branchkeep's identity. See docs/deploy.md for the "
            "policy."
        )
    if left:
        todo += f" Then remove the parameter {left} by hand."
    return broken(_name(operation), error.message, todo)


def _said(found: Sequence[Finding]) -> str:
    return ", ".join(f"{it.name.removeprefix('Store: ')} {it.state}" for it in found)
