"""`manage.py import_types`: set types of keys from a project's branchkeep.toml."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from console.access.policy import find_app
from console.catalog.key_types import require_setter
from console.cli.base import ConsoleCommand, actor_of, add_common
from console.cli.terminal import Exit, confirm, table
from console.lib.scanning import files, manifest
from console.lib.value_types.types import ValueType
from console.workflows.value_types.importing import PlannedType, apply, plan

HEAD = ("KEY", "NOW", "NEW", "OUTCOME")
NO_FILE = f"There is no {manifest.TOML} here. Name it, or the folder that it is in."
TOO_LARGE = f"The file is larger than {files.MAX_BYTES:,} bytes."
NO_TYPES = "The file has no types."
LEFT_OUT = "Types left out: {}."


class Command(ConsoleCommand):
    """Say which types would change, ask, and change them. Types that the file lacks stay."""

    help = "Set types of keys from branchkeep.toml. Stored values stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file and the app."""
        parser.add_argument(
            "path", nargs="?", default=".", metavar="PATH", help="the project (default: here)"
        )
        parser.add_argument("--app", required=True, metavar="APP_ID", help="app ID or identifier")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--yes", action="store_true", help="don't ask for confirmation")
        add_common(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan, ask, set the types, and say how each ended."""
        access = find_app(actor_of(options), options["app"])
        require_setter(access)
        try:
            planned = plan(access, manifest.parse(manifest.TOML, _read(Path(options["path"]))))
        except manifest.InvalidManifest as refusal:
            message = f"{manifest.TOML}:{refusal.line}: {refusal}"
            raise CommandError(message, returncode=Exit.REFUSED) from None
        for it in planned:
            if it.refusal:
                self.note(f"{it.key[:100]} is left out. {it.refusal}")
        changes = [it for it in planned if it.is_change]
        outcomes = {it.key: "refused" if it.refusal else "same" for it in planned}
        outcomes |= {it.key: "-" for it in changes}
        if changes and not options["dry_run"]:
            self.note(_text(changes, outcomes))
            confirm(f"Change the types of {len(changes)} keys?", yes=options["yes"])
            for it in changes:
                try:
                    apply(access, it)
                    outcomes[it.key] = "saved"
                except ValidationError as refusal:
                    self.note(f"{it.key}: {' '.join(refusal.messages)}")
                    outcomes[it.key] = "conflict"
        described = [_described(it, outcomes[it.key]) for it in planned]
        self.print_result(options, _text(planned, outcomes) if planned else NO_TYPES, described)
        ended = [*outcomes.values()]
        if "conflict" in ended:
            raise CommandError(LEFT_OUT.format(ended.count("conflict")), returncode=Exit.CONFLICT)
        if "refused" in ended:
            raise CommandError(LEFT_OUT.format(ended.count("refused")), returncode=Exit.REFUSED)


def _read(path: Path) -> bytes:
    folder, name = (path, manifest.TOML) if path.is_dir() else (path.parent, path.name)
    data = files.Folder(folder).read(name)
    if data is None:
        raise CommandError(NO_FILE, returncode=Exit.USAGE)
    if len(data) > files.MAX_BYTES:
        raise CommandError(TOO_LARGE, returncode=Exit.REFUSED)
    return data


def _words(value_type: ValueType | None) -> str:
    return value_type.expected if value_type else "any value"


def _text(planned: list[PlannedType], outcomes: dict[str, str]) -> str:
    rows = [(it.key[:100], _words(it.now), _words(it.new), outcomes[it.key]) for it in planned]
    return table(HEAD, rows)


def _described(planned: PlannedType, outcome: str) -> dict[str, Any]:
    now, new = planned.now, planned.new
    return {
        "key": planned.key,
        "now": {"type": now.kind, "rule": now.rule} if now else None,
        "new": {"type": new.kind, "rule": new.rule} if new else None,
        "outcome": None if outcome == "-" else outcome,
    }
