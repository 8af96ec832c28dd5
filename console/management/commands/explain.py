"""Explain which value of a key a branch gets, and why, without reading it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import CommandScope, ConsoleCommand, add_scope, find_scope
from console.cli.terminal import Exit
from console.environment.explaining import Place, Reader, Step
from console.environment.faults import Check
from console.lib.text.unprintable import escape_unprintable
from console.workflows.explaining import Timing, Why, explain_all


class Command(ConsoleCommand):
    """Print which places are looked at in order, what each holds, and which value is used."""

    help = "explain which value of a key a branch gets, and why; reads no value"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY")
        add_scope(parser)
        parser.add_argument(
            "--json", action="store_const", const="json", dest="format", help="--format json"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one explanation for each source that has the key."""
        scope = find_scope(options)
        found = explain_all(scope.access, options["key"], scope.branch_id)
        if not found:
            message = "There is no secret and no variable with this name in the app."
            raise CommandError(message, returncode=Exit.DENIED)
        lines = [line for why in found for line in ("", *_lines(why))][1:]
        plain = "\n".join(escape_unprintable(line, keep="") for line in lines)
        self.print_result(options, plain, [_as_json(scope, why) for why in found])


def _lines(why: Why) -> Iterator[str]:
    yield f"{why.source.noun} {why.key}: {why.verdict}"
    if why.cause:
        yield f"Since {_time(why.cause.since)}: {why.cause_in_words}."
    if why.branch and why.branch.deleted_at:
        yield f"The branch was deleted {_time(why.branch.deleted_at)}."
    if why.copy_of:
        yield f"{why.copy_of.words}."
    if why.offer:
        yield why.offer
    yield from why.explanation.notes
    for reader in why.explanation.readers:
        yield from _reader_lines(reader)
    if why.timings:
        yield from ("", "Deployments")
        yield from (f"  {_timing_line(timing)}" for timing in why.timings)
    if check := why.explanation.check:
        yield from ("", _age_line(check))


def _reader_lines(reader: Reader) -> Iterator[str]:
    yield from ("", reader.title)
    for number, (place, use) in enumerate(reader.steps, 1):
        yield f"  {number}. {place.scope}: {use}"
        if place.path:
            yield f"     {place.path}"
        if facts := _facts(place):
            yield f"     {facts}"
        yield from (f"     {note}" for note in place.notes)
    yield from (f"  {note}" for note in (*reader.notes, reader.takes_effect) if note)


def _facts(place: Place) -> str:
    """Return the version of a place, when it was changed, and by whom."""
    version = [f"version {place.version}"] if place.version else []
    time = [_time(place.since)] if place.since else []
    by = [f"by {place.by}"] if place.by else []
    return " ".join([*version, *time, *by, *(["outside Branchkeep"] if place.is_outside else [])])


def _timing_line(timing: Timing) -> str:
    name, job = timing.branch.name, timing.deployment
    if job is None:
        return f"{name} was never deployed."
    if timing.changed_at:
        return (
            f"Changed {_time(timing.changed_at)}, after deployment {job.job_id} of {name} had "
            f"started ({_time(job.started_at)}). The next one has the change."
        )
    has = "is running and gets" if timing.is_running else "has"
    return f"Deployment {job.job_id} of {name} ({_time(job.started_at)}) {has} the newest change."


def _age_line(check: Check) -> str:
    age = f"As of {_time(check.at)}" if check.at else "Never checked"
    problem = "" if check.is_reachable else f" It can't be reached now. {check.problem}".rstrip()
    return f"{age}, against {check.store}.{problem}"


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else "at an unknown time"


def _as_json(scope: CommandScope, why: Why) -> dict[str, Any]:
    explanation, check = why.explanation, why.explanation.check
    return {
        "kind": why.source.noun,
        "key": why.key,
        **scope.to_dict(),
        "verdict": why.verdict,
        "used": why.used and _place(why.used),
        "since": _iso(why.cause and why.cause.since),
        "cause": why.cause_in_words or None,
        "offered_by": why.offered_by and why.offered_by.name,
        "copy_of": why.copy_of and why.copy_of.source.name,
        "is_outdated": why.copy_of and why.copy_of.is_outdated,
        "branch_deleted_at": _iso(why.branch and why.branch.deleted_at),
        "readers": [_reader(reader) for reader in explanation.readers],
        "deployments": [_timing(timing) for timing in why.timings],
        "set_on": [branch and branch.name for branch in why.set_on],
        "notes": list(explanation.notes),
        "checked_at": _iso(check and check.at),
        "is_reachable": check.is_reachable if check else None,
    }


def _reader(reader: Reader) -> dict[str, Any]:
    return {
        "title": reader.title,
        "takes_effect": reader.takes_effect or None,
        "places": _places(reader.steps),
        "notes": list(reader.notes),
    }


def _places(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [{"use": use.value, **_place(place)} for place, use in steps]


def _place(place: Place) -> dict[str, Any]:
    return {
        "scope": place.scope,
        "path": place.path or None,
        "version": place.version or None,
        "changed_at": _iso(place.since),
        "changed_by": place.by or None,
        "is_outside": place.is_outside,
        "change_set": str(place.change_set) if place.change_set else None,
        "notes": list(place.notes),
    }


def _timing(timing: Timing) -> dict[str, Any]:
    job = timing.deployment
    return {
        "branch": timing.branch.name,
        "deployment": job and job.job_id,
        "is_running": timing.is_running,
        "started_at": _iso(job and job.started_at),
        "changed_since_at": _iso(timing.changed_at),
    }


def _iso(at: object) -> str | None:
    if not isinstance(at, datetime):
        return None
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
