"""`manage.py import`: a file's keys as secrets and variables, in one change set."""
# ruff: noqa: N999 - Django names a command after its module

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.audit.events import ONE_TEXT
from console.cli.base import CommandScope, ConsoleCommand, add_common, find_scope
from console.cli.errors import EXITS
from console.cli.terminal import Exit, confirm, table
from console.environment.importing import Change, ImportRow
from console.environment.sources import sources
from console.lib.documents import parse
from console.lib.results import DONE, RowOutcome
from console.lib.row_forms import known_base
from console.lib.stopping import finishing_current_step, is_stopping
from console.lib.text.dotenv import BYTE_LIMIT, Entry, Refused
from console.models import scope_name
from console.workflows import importing
from console.workflows.importing import Choice, Line

HEAD = ("KEY", "KIND", "BRANCH", "CHANGE", "OUTCOME")
NO_TEXT = "Name a file, or send the text on standard input."
NOT_TEXT = "The file is not UTF-8 text. Check where it comes from."
LEFT_OUT = "Values left out: {}."


class Command(ConsoleCommand):
    """Import a text: every key that is new or changed, unless something speaks against it."""

    help = "Import the keys of a .env, JSON, YAML or CSV file as secrets and variables."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file, the scopes and the kinds."""
        parser.add_argument("file", nargs="?", metavar="FILE", help="without it, standard input")
        parser.add_argument("--app", required=True, metavar="APP_ID", help="the Amplify app ID")
        parser.add_argument(
            "--branch",
            action="append",
            metavar="NAME",
            help="a branch, and again for another (default: All branches)",
        )
        for noun in ("secret", "variable"):
            words = f"import this key as a {noun}, whatever it looks like; may be repeated"
            parser.add_argument(f"--{noun}", action="append", metavar="KEY", help=words)
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--yes", action="store_true", help="don't ask for confirmation")
        add_common(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what would change, ask, save, and say how each row ended."""
        scopes = _scopes(options)
        access = scopes[0].access
        access.require_writer()
        for source in sources():
            source.refresh(access)
        try:
            entries = parse(_text(options["file"]))
            choice = Choice([scope.branch for scope in scopes], _kinds(options))
            lines = importing.preview(access, entries, choice)
        except Refused as refusal:
            raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
        for line in lines:
            self._note(line)
        rows = _rows(entries, lines)
        outcomes: Sequence[RowOutcome] = ()
        if rows and not options["dry_run"]:
            confirm(f"Import {len(rows)} of {len(lines)} values?", yes=options["yes"])
            with finishing_current_step():
                outcomes = importing.save(
                    access, rows, uuid.uuid4(), may_go_on=lambda: not is_stopping()
                )
        self._print(options, scopes, lines, {it.token: it for it in outcomes})

    def _note(self, line: Line) -> None:
        """Print to standard error why a key is left out, or what to know about its value."""
        planned = line.planned
        where = f"{planned.key} ({scope_name(planned.branch)})"
        if planned.change is Change.SAME:
            return
        if planned.refusal:
            self.note(f"{where} is left out. {planned.refusal}")
        elif line.also:
            self.note(
                f"{where} is left out: there is a {line.also} of this name. Choose with "
                f"--{line.noun} or --{line.also}."
            )
        elif line.is_placeholder:
            self.note(f"{where} is left out. It looks like a placeholder.")
        for text in (line.remark, line.warning, *planned.notes):
            if text:
                self.note(f"{where}: {text}")

    def _print(
        self,
        options: dict[str, Any],
        scopes: Sequence[CommandScope],
        lines: Sequence[Line],
        outcomes: dict[str, RowOutcome],
    ) -> None:
        cells, described = [], []
        for line in lines:
            outcome = outcomes.get(_token(line))
            ended = str(outcome.outcome) if outcome else ""
            planned = line.planned
            branch = scope_name(planned.branch)
            cells.append((planned.key, line.noun, branch, str(planned.change), ended or "-"))
            described.append(
                {
                    "key": planned.key,
                    "kind": line.noun,
                    **CommandScope(scopes[0].access, planned.branch).to_dict(),
                    "change": planned.change,
                    "outcome": ended or None,
                }
            )
        self.print_result(options, table(HEAD, cells), described)
        failed = [it for it in outcomes.values() if it.outcome not in DONE]
        for token, outcome in outcomes.items():
            if outcome in failed and outcome.message:
                self.note(f"{token.partition(' ')[2]}: {outcome.message}")
        if failed:
            raise CommandError(
                f"Imported {len(outcomes) - len(failed)} of {len(outcomes)} values.",
                returncode=EXITS[failed[0].outcome],
            )
        left = [it for it in lines if not (it.is_ready or it.planned.change is Change.SAME)]
        if left:
            raise CommandError(LEFT_OUT.format(len(left)), returncode=Exit.REFUSED)


def _scopes(options: dict[str, Any]) -> list[CommandScope]:
    names = dict.fromkeys(options["branch"] or [None])
    return [find_scope({**options, "branch": name}) for name in names]


def _kinds(options: dict[str, Any]) -> dict[str, str]:
    return {key: noun for noun in ("secret", "variable") for key in options[noun] or ()}


def _text(file: str | None) -> str:
    """Return the file's text, at most a little more than is accepted. Raises CommandError."""
    if file not in {None, "-"}:
        with Path(str(file)).open("rb") as opened:
            data = opened.read(BYTE_LIMIT + 10)
    elif sys.stdin.isatty():
        raise CommandError(NO_TEXT, returncode=Exit.USAGE)
    else:
        data = sys.stdin.buffer.read(BYTE_LIMIT + 10)
    try:
        return data.decode()
    except UnicodeDecodeError:  # its message would quote the text
        raise CommandError(NOT_TEXT, returncode=Exit.REFUSED) from None


def _token(line: Line) -> str:
    branch_id, key = line.planned.scope
    return f"{branch_id or 'all'} {key}"


def _rows(entries: Sequence[Entry], lines: Sequence[Line]) -> list[tuple[str, ImportRow]]:
    values = {entry.key: entry.value for entry in entries}
    scopes = {line.planned.scope[0] for line in lines}
    return [
        (
            line.noun,
            ImportRow(
                _token(line),
                line.planned.key,
                line.planned.scope[0],
                values[line.planned.key],
                *known_base(line.planned.base),
                ONE_TEXT if len(scopes) > 1 else None,
            ),
        )
        for line in lines
        if line.is_ready
    ]
