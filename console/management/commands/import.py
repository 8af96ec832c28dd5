"""`manage.py import`: a file's keys as secrets and variables, in one change set."""
# ruff: noqa: N999 - Django names a command after its module

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.access.policy import Access
from console.audit.events import ONE_TEXT
from console.cli.base import CommandScope, ConsoleCommand, add_common, find_scope
from console.cli.errors import require_all_done
from console.cli.terminal import Exit, confirm, table
from console.environment.importing import Change, ImportRow
from console.environment.sources import sources
from console.lib.documents import gen1, parse
from console.lib.results import DONE, RowOutcome
from console.lib.row_forms import known_base
from console.lib.stopping import finishing_current_step, is_stopping
from console.lib.text.dotenv import BYTE_LIMIT, Entry, Refused
from console.models import scope_name
from console.workflows import absent_keys, importing
from console.workflows.absent_keys import AbsentKey, RemovalRow
from console.workflows.importing import Choice, Line

SHARED = "{}: production gets the same value as another scope."
HEAD = ("KEY", "KIND", "BRANCH", "CHANGE", "OUTCOME")
NO_TEXT = "Name a file, or send the text on standard input."
NOT_TEXT = "The file is not UTF-8 text. Check where it comes from."
NO_KEYS = "The text has no keys, so every key would be removed. Nothing was removed."
WHICH = "Choose an environment of this file with --environment: {}."
NO_ENVIRONMENT = "The file has no environments. Leave --environment out."
LEFT_OUT = "Values left out: {}."


class Command(ConsoleCommand):
    """Import a text: every key that is new or changed, unless something speaks against it."""

    help = "Import the keys of a .env, JSON, YAML or CSV file as secrets and variables."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file, the scopes and the kinds."""
        parser.add_argument("file", nargs="?", metavar="FILE", help="without it, standard input")
        parser.add_argument("--app", required=True, metavar="APP_ID", help="app ID or identifier")
        parser.add_argument(
            "--branch",
            action="append",
            metavar="NAME",
            help="a branch, and again for another (default: All branches)",
        )
        for noun in ("secret", "variable"):
            words = f"import this key as a {noun}, whatever it looks like; may be repeated"
            parser.add_argument(f"--{noun}", action="append", metavar="KEY", help=words)
        parser.add_argument(
            "--environment",
            metavar="NAME",
            help="of a team-provider-info.json (Amplify Gen 1): the environment to import",
        )
        parser.add_argument(
            "--remove-absent",
            action="store_true",
            help="after the import, remove what these branches have and the text lacks",
        )
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
            text = _text(options["file"])
            entries = parse(text, environment=_environment(text, options["environment"]))
            choice = Choice([scope.branch for scope in scopes], _kinds(options))
            lines = importing.preview(access, entries, choice)
            absent = _absent(access, entries, choice) if options["remove_absent"] else []
        except Refused as refusal:
            raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
        for line in lines:
            self._note(line)
        for key in importing.shared_with_production(lines):
            self.note(SHARED.format(key))
        for it in absent:
            if it.refusal:
                self.note(f"{it.key} ({scope_name(it.branch)}) stays. {it.refusal}")
        rows = _rows(entries, lines)
        removals = [_removal(it) for it in absent if not it.refusal]
        outcomes: Sequence[RowOutcome] = ()
        if (rows or removals) and not options["dry_run"]:
            also = f", and remove {len(removals)}" if removals else ""
            confirm(f"Import {len(rows)} of {len(lines)} values{also}?", yes=options["yes"])
            with finishing_current_step():
                outcomes = _save(access, rows, removals)
        self._print(options, scopes, lines, absent, {it.token: it for it in outcomes})

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
        absent: Sequence[AbsentKey],
        outcomes: dict[str, RowOutcome],
    ) -> None:
        rows = [
            (_token(it), it.planned.key, it.noun, it.planned.branch, str(it.planned.change))
            for it in lines
        ]
        rows += [(_removal(it).token, it.key, it.noun, it.branch, "remove") for it in absent]
        cells, described = [], []
        for token, key, noun, branch, change in rows:
            outcome = outcomes.get(token)
            ended = str(outcome.outcome) if outcome else ""
            cells.append((key, noun, scope_name(branch), change, ended or "-"))
            described.append(
                {
                    "key": key,
                    "kind": noun,
                    **CommandScope(scopes[0].access, branch).to_dict(),
                    "change": change,
                    "outcome": ended or None,
                }
            )
            if outcome and outcome.outcome not in DONE and outcome.message:
                self.note(f"{key}: {outcome.message}")
        self.print_result(options, table(HEAD, cells), described)
        require_all_done(outcomes.values(), "Saved" if absent else "Imported")
        left = [it for it in lines if not (it.is_ready or it.planned.change is Change.SAME)]
        kept = [it for it in absent if it.refusal]
        if left or kept:
            raise CommandError(LEFT_OUT.format(len(left) + len(kept)), returncode=Exit.REFUSED)


def _absent(access: Access, entries: Sequence[Entry], choice: Choice) -> list[AbsentKey]:
    """Return what the scopes have and the text lacks. Raises dotenv.Refused for an empty text."""
    if not entries:  # such as the output of a command that failed
        raise Refused(NO_KEYS)
    return absent_keys.find(access, entries, choice.scopes)


def _removal(absent: AbsentKey) -> RemovalRow:
    branch_id = absent.branch.pk if absent.branch else None
    token = f"remove {absent.value}"
    return RemovalRow(token, absent.noun, absent.key, branch_id, absent.value)


def _save(
    access: Access, rows: Sequence[tuple[str, ImportRow]], removals: Sequence[RemovalRow]
) -> list[RowOutcome]:
    """Import the rows, then remove, in one change set."""
    change_set = uuid.uuid4()
    saved = importing.save(access, rows, change_set, may_go_on=_may_go_on)
    return [
        *saved,
        *absent_keys.remove(access, removals, change_set, saved, may_go_on=_may_go_on),
    ]


def _may_go_on() -> bool:
    return not is_stopping()


def _scopes(options: dict[str, Any]) -> list[CommandScope]:
    names = dict.fromkeys(options["branch"] or [None])
    return [find_scope({**options, "branch": name}) for name in names]


def _environment(text: str, wanted: str | None) -> str:
    """Return the environment of a file of Amplify Gen 1, "" for another file."""
    names = gen1.environments(text)
    if wanted and not names:
        raise CommandError(NO_ENVIRONMENT, returncode=Exit.REFUSED)
    if len(names) == 1 and not wanted:
        return names[0]
    if names and wanted not in names:
        raise CommandError(WHICH.format(", ".join(names)), returncode=Exit.REFUSED)
    return wanted or ""


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
