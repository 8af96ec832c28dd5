"""The doctor: runs all checks. A check that fails doesn't stop the others.

The parameter store and Amplify are called only on demand. A separate option also tests write
access: a probe parameter is written, read back and removed under a path that belongs to no app.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError
from django.utils import timezone

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, recording
from console.lib.health import CheckResult, State
from console.ops import amplify_checks
from console.ops import checks as core
from secrets_app.ops import bin_checks, gauges, mirror_counts
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

PROBES = "/amplify/branchkeep-doctor"  # neither app ids nor cleaned namespaces contain a hyphen
MAX_RUN = timedelta(minutes=10)  # older probes were left by a run that was interrupted
NO_ANSWER = (Misconfigured, Throttled, Unreachable)  # the next call would fail too
PERMISSIONS = {  # IAM actions by operation
    "list": "ssm:DescribeParameters",
    "look up": "ssm:GetParameters",
    "older versions": "ssm:GetParameterHistory",
    "write": "ssm:PutParameter",
    "decrypt": "ssm:GetParameters, and kms:Decrypt for a customer managed key",
    "remove": "ssm:DeleteParameters",
}
MIRRORS = {  # by state
    mirror_counts.UNFINISHED: "unfinished",
    "missing": "missing",
    "behind": "out of date",
    "alone": "without their secret",
    "unverified": "not compared yet",
}
NO_DATABASE = "The database did not answer."
NOT_ASKED = "The store was not called."
NO_ANSWER_BEFORE = "The store did not answer an earlier call."
NOT_WRITTEN = "Write access was not tested."

log = structlog.get_logger()


def examine(*, ask_store: bool = False, writer: Actor | None = None) -> list[CheckResult]:
    """Run all checks. With `writer`, also test write access, which is audited as their act."""
    results: list[CheckResult] = []
    for name, check in CHECKS.items():
        if name not in core.WITHOUT_DATABASE and NO_DATABASE in {it.message for it in results}:
            results.append(CheckResult.skipped(name, NO_DATABASE))  # it would wait for a time-out
        else:
            results.append(_run(name, check))
    ask = ask_store or writer is not None
    results.append(_run("Amplify", partial(amplify_checks.amplify, ask=ask)))
    try:
        return [*results, *store_results(ask=ask, writer=writer)]
    except DatabaseError as error:  # the attempt could not be recorded, so nothing was written
        return [*results, _failed("Store", error)]


def has_errors(results: Sequence[CheckResult]) -> bool:
    """Return True if a check found an error."""
    return any(result.state is State.ERROR for result in results)


def _run(name: str, check: Callable[[], CheckResult]) -> CheckResult:
    try:
        return check()
    except Exception as error:
        return _failed(name, error)


def _failed(name: str, error: Exception) -> CheckResult:
    log.warning("doctor.check_failed", check=name, error=type(error).__name__)
    if isinstance(error, OperationalError) and name == "Database":
        hint = "Check that the database is running and that DATABASE_URL is correct."
        return CheckResult.error(name, NO_DATABASE, hint)
    message = f"This check failed ({type(error).__name__})."
    return CheckResult.error(
        name, message, "See the log. A table or a permission on this machine may be missing."
    )


def keys() -> CheckResult:
    """Check that ENCRYPTION_KEYS has every key that the embedded store needs."""
    if settings.PARAMETER_STORE != "embedded":
        return CheckResult.ok("Keys", "Values are in SSM, encrypted with its key.")
    from secrets_app.store.embedded.store import EmbeddedStore

    try:
        missing = EmbeddedStore(settings.ENCRYPTION_KEYS).missing_keys()
    except ImproperlyConfigured as error:
        return CheckResult.error("Keys", str(error), "Correct ENCRYPTION_KEYS.")
    if missing:
        message = f"ENCRYPTION_KEYS is missing {len(missing)} of the keys that stored values need."
        return CheckResult.error(
            "Keys", message, "Add the old keys after the new one, separated by commas."
        )
    number = len(settings.ENCRYPTION_KEYS)
    return CheckResult.ok("Keys", f"ENCRYPTION_KEYS has {number}; no stored value needs another.")


def unknown() -> CheckResult:
    """Check for writes whose outcome is unknown, after a lost response or a killed process."""
    rows, attempts = gauges.unknown_secrets(), gauges.open_attempts()
    if not rows and not attempts:
        return CheckResult.ok(
            "Open outcomes", "Every save and every activity entry has an outcome."
        )
    message = (
        f"{rows:,} secrets with an unknown outcome; {attempts:,} entries of the last day without "
        "one."
    )
    return CheckResult.warning(
        "Open outcomes", message, "Run `manage.py settle`, which checks the store."
    )


def mirrors() -> CheckResult:
    """Check for mirrors that are missing, out of date, or without their secret."""
    found = mirror_counts.counts()
    words = ", ".join(f"{found[it]:,} {label}" for it, label in MIRRORS.items() if found[it])
    if found[mirror_counts.UNFINISHED]:
        hint = "Branchkeep writes the unfinished ones within minutes. `manage.py settle` does now."
        return CheckResult.warning("Mirrors", f"Mirrors: {words}.", hint)
    if any(found[it] for it in ("missing", "behind", "alone")):
        hint = "They were changed outside Branchkeep. Repair each on its secret's page."
        return CheckResult.warning("Mirrors", f"Mirrors: {words}.", hint)
    return CheckResult.ok("Mirrors", f"Mirrors: {words or 'all up to date'}.")


CHECKS = {
    **core.CHECKS,
    "Connected apps": amplify_checks.connected_apps,
    "Keys": keys,
    "Open outcomes": unknown,
    "Mirrors": mirrors,
    bin_checks.NAME: bin_checks.recycle_bin,
}


def store_results(*, ask: bool, writer: Actor | None) -> Iterator[CheckResult]:
    """Yield a result for each operation of the store."""
    if not ask:
        yield from (CheckResult.skipped(_name(it), NOT_ASKED) for it in PERMISSIONS)
        return
    try:
        store = parameter_store()
    except (ImproperlyConfigured, Misconfigured) as error:
        message = getattr(error, "message", str(error))
        yield CheckResult.error("Store", message, "Correct its settings.")
        return
    yield from StoreProbe(store, writer).results()


def _name(operation: str) -> str:
    return f"Store: {operation}"


@dataclass
class StoreProbe:
    """One test of a store. It stops calling after a failure that every call would meet."""

    store: ParameterStore
    writer: Actor | None
    unavailable: bool = False
    may_exist: bool = False  # the probe parameter, after a write with an unknown outcome

    def results(self) -> Iterator[CheckResult]:
        """Yield a result for each operation."""
        path = f"{PROBES}/{secrets.token_hex(8)}"
        yield self._try("list", self.store.ping)
        yield self._try("look up", lambda: self.store.current([path]))
        yield self._try("older versions", lambda: self.store.versions(path))
        if self.writer is None or self.unavailable:
            reason = NO_ANSWER_BEFORE if self.unavailable else NOT_WRITTEN
            yield from (
                CheckResult.skipped(_name(it), reason) for it in ("write", "decrypt", "remove")
            )
            return
        target = Target(subject=path)
        with recording(self.writer, Action.STORE_PROBED, target) as entry:
            results = list(self._write_and_remove(path))
            if all(result.state is State.OK for result in results):
                results.append(bin_checks.try_folders(self.store))
            if any(result.state is not State.OK for result in results):
                entry.outcome, entry.detail = Outcome.FAILED, _summary(results)
        yield from results

    def _write_and_remove(self, path: str) -> Iterator[CheckResult]:
        value = SecretValue(secrets.token_hex(8))
        write = self._try("write", lambda: self.store.put(path, value, overwrite=False))
        yield write
        if write.state is State.OK:
            yield self._try("decrypt", lambda: self._read_back(path, value))
            yield self._clock(path)
        else:
            yield CheckResult.skipped(_name("decrypt"), "There was nothing to read.")
            if not self.may_exist:
                yield CheckResult.skipped(_name("remove"), "There was nothing to remove.")
                return
        self.unavailable = False  # try to remove the probe whatever happened
        yield self._try("remove", lambda: self.store.remove([path]), path)
        if not self.unavailable:
            yield from self._remove_leftovers()

    def _read_back(self, path: str, value: SecretValue) -> None:
        reading = self.store.read([path]).get(path)
        if reading is None or reading.value != value:
            raise StoreError(
                "The value that was read differs from the one that was written.",
                code="NotTheSame",
            )

    def _clock(self, path: str) -> CheckResult:
        """Compare our clock with the modification time of the probe."""
        name = "Store: clock"
        try:
            probe = self.store.current([path]).get(path)
        except StoreError:
            probe = None
        if probe is None:
            return CheckResult.skipped(name, "The store did not return a time.")
        return core.clock_skew_result(name, "store", probe.modified - timezone.now())

    def _remove_leftovers(self) -> Iterator[CheckResult]:
        """Remove probes that interrupted runs left, and yield a result if there were any."""
        name, old = _name("leftovers"), timezone.now() - MAX_RUN
        try:
            paths = [it.path for it in self.store.list([PROBES]) if it.modified < old]
            if paths:
                self.store.remove(paths)
                yield CheckResult.ok(
                    name, f"Removed {len(paths):,} probe parameters left by an interrupted run."
                )
        except StoreError as error:
            yield CheckResult.warning(
                name, error.message, f"Remove the parameters under {PROBES}/ by hand."
            )

    def _try(self, operation: str, call: Callable[[], Any], leftover: str = "") -> CheckResult:
        name = _name(operation)
        if self.unavailable:
            return CheckResult.skipped(name, NO_ANSWER_BEFORE)
        try:
            call()
        except StoreError as error:
            self.unavailable = isinstance(error, NO_ANSWER)
            self.may_exist = isinstance(error, OutcomeUnknown)
            return _store_error(operation, error, leftover)
        return CheckResult.ok(name, "Works.")


def _store_error(operation: str, error: StoreError, leftover: str) -> CheckResult:
    hint = f"The store returned {error.code}. See docs/operations.md."
    if isinstance(error, AccessDenied) and settings.PARAMETER_STORE == "ssm":
        hint = (
            f"Allow {PERMISSIONS[operation]} for Branchkeep's identity. See docs/deploy.md for the "
            "policy."
        )
    if leftover:
        hint += f" Then remove the parameter {leftover} by hand."
    return CheckResult.error(_name(operation), error.message, hint)


def _summary(results: Sequence[CheckResult]) -> str:
    return ", ".join(f"{it.name.removeprefix('Store: ')} {it.state}" for it in results)
