"""`manage.py orphans`: list orphans or move them to the recycle bin; count those of all apps."""

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.cli.base import ConsoleCommand, actor_of, add_common
from console.cli.errors import EXITS
from console.cli.terminal import Exit, confirm, table
from console.environment.removal import Removal
from console.lib.results import DONE
from console.lib.stopping import finishing_current_step, is_stopping
from secrets_app.orphans import deployment, elsewhere, moving
from secrets_app.orphans.groups import Group, Orphan, find
from secrets_app.orphans.moving import Planned
from secrets_app.sync.reconciling import reconcile

OUTDATED = "Can't reach the parameter store, so this list may be out of date. {}"
NONE = "No orphans."
STAYS = "{:,} of {:,} parameters were not moved. Each line above says why."
NEEDS_APP = "Say which app: add --app APP_ID."
ALONE = "Use --elsewhere without --app, --branch, --folder, --remove and --dry-run."
ALL_KNOWN = "Every parameter below /amplify belongs to an app in Branchkeep."
HEAD_ELSEWHERE = ("PLACE", "APP", "FOLDER", "PARAMETERS", "CHANGED")
HEAD = ("KIND", "BRANCH", "PATH", "VERSION", "CHANGED", "LAST REVEALED")
HEAD_OF_ALL = ("APP", "KIND", "BRANCH", "FOLDER", "PARAMETERS", "CHANGED", "LAST REVEALED")

Row = tuple[Group, Orphan]


class Command(ConsoleCommand):
    """List the orphans of an app, or move them to the recycle bin. Operators can count all."""

    help = "List the parameters of an app that no branch uses, or move them to the recycle bin."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, what to choose, and what to do with it."""
        parser.add_argument(
            "--app",
            metavar="APP_ID",
            help="app ID or identifier (default: count those of all apps)",
        )
        parser.add_argument(
            "--elsewhere",
            action="store_true",
            help="list the store, and count the parameters that belong to no app in Branchkeep",
        )
        parser.add_argument("--branch", metavar="NAME", help="only those of this branch")
        parser.add_argument("--folder", metavar="PATH", help="only those in this folder")
        parser.add_argument(
            "--remove", action="store_true", help="move what is listed to the recycle bin"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="with --remove: only say what would happen"
        )
        parser.add_argument("--yes", action="store_true", help="don't ask before removing")
        parser.add_argument(
            "--without-copy",
            action="store_true",
            help="remove what can't be kept in the recycle bin for good",
        )
        add_common(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Reconcile, then list or remove."""
        actor = actor_of(options)
        if options["elsewhere"]:
            self._count_elsewhere(actor, options)
            return
        if options["app"] is None:
            self._count_all(actor, options)
            return
        access = find_app(actor, options["app"])
        fresh = reconcile(actor=access.actor, app_id=access.app.app_id)
        if fresh.problem:
            self.note(OUTDATED.format(fresh.problem))
        rows = [
            (group, orphan)
            for group in find(access)
            for orphan in group.orphans
            if _is_chosen(group, orphan, options)
        ]
        if not options["remove"]:
            self._list(rows, options)
            return
        planned, _ = moving.plan(access, [orphan.token for _, orphan in rows])
        if options["dry_run"]:
            self._preview(planned, options)
        else:
            self._remove(access, planned, options)

    def _count_all(self, actor: Actor, options: dict[str, Any]) -> None:
        """Print folders and numbers, as of the last reconcile of each app."""
        if any(options[name] for name in ("remove", "dry_run", "branch", "folder")):
            raise CommandError(NEEDS_APP, returncode=Exit.USAGE)
        data = [
            {
                "app": it.app.app_id,
                "kind": str(group.kind),
                "branch": group.branch or None,
                "folder": folder,
                "parameters": number,
                "changed": _time(group.changed),
                "last_revealed": _time(group.used),
            }
            for it in deployment.find(actor)
            for group in it.groups
            for folder, number in Counter(orphan.folder for orphan in group.orphans).items()
        ]
        cells = [[cell or "" for cell in row.values()] for row in data]
        self.print_result(options, table(HEAD_OF_ALL, cells) if cells else NONE, data)

    def _count_elsewhere(self, actor: Actor, options: dict[str, Any]) -> None:
        """Print the folders and numbers of parameters that belong to no app."""
        if any(options[name] for name in ("app", "remove", "dry_run", "branch", "folder")):
            raise CommandError(ALONE, returncode=Exit.USAGE)
        found = elsewhere.find(actor, lambda: not is_stopping())
        data = [
            {
                "place": str(group.place),
                "app": group.app_id or None,
                "folder": group.folder,
                "parameters": group.number,
                "changed": _time(group.changed),
            }
            for group in found.groups
        ]
        cells = [[cell or "" for cell in row.values()] for row in data]
        self.print_result(options, table(HEAD_ELSEWHERE, cells) if cells else ALL_KNOWN, data)

    def _list(self, rows: Sequence[Row], options: dict[str, Any]) -> None:
        cells = [
            (
                group.kind,
                group.branch,
                orphan.path,
                orphan.version,
                _time(orphan.modified) or "",
                _time(orphan.used) or "",
            )
            for group, orphan in rows
        ]
        self.print_result(
            options, table(HEAD, cells) if cells else NONE, [_described(*row) for row in rows]
        )

    def _preview(self, planned: Sequence[Planned], options: dict[str, Any]) -> None:
        found = [(it, _would(it, options)) for it in planned]
        plain = "\n".join(f"{it.orphan.path}: {would}" for it, would in found)
        data = [_described(it.group, it.orphan) | {"would": would} for it, would in found]
        self.print_result(options, plain or NONE, data)

    def _remove(self, access: Access, planned: Sequence[Planned], options: dict[str, Any]) -> None:
        """Move what may be moved. Exits as the first that stays does."""
        tokens = [it.orphan.token for it in planned if not it.problem]
        staying = [it for it in planned if it.problem]
        number = f"{len(tokens):,} parameter{'' if len(tokens) == 1 else 's'}"
        if tokens:
            confirm(f"Move {number} to the recycle bin?", yes=options["yes"])
        with finishing_current_step():
            progress = moving.move(
                access,
                tokens,
                uuid.uuid4(),
                without_copy=options["without_copy"],
                may_go_on=lambda: not is_stopping(),
            )
        data = [
            {"path": it.orphan.path, "outcome": "refused", "message": it.problem} for it in staying
        ]
        data += [_ended(it) for it in progress.removals]
        plain = "\n".join(f"{it['path']}: {it['message'] or it['outcome']}" for it in data)
        self.print_result(options, plain or NONE, data)
        if left := len(planned) - progress.done:
            first = progress.failed[0].outcome if progress.failed else None
            code = EXITS[first] if first else Exit.STORE if progress.remaining else Exit.REFUSED
            raise CommandError(STAYS.format(left, len(planned)), returncode=code)


def _is_chosen(group: Group, orphan: Orphan, options: dict[str, Any]) -> bool:
    is_on = options["branch"] is None or group.branch == options["branch"]
    return is_on and (options["folder"] is None or orphan.folder == options["folder"].rstrip("/"))


def _described(group: Group, orphan: Orphan) -> dict[str, Any]:
    return {
        "kind": str(group.kind),
        "branch": group.branch or None,
        "path": orphan.path,
        "version": orphan.version,
        "changed": _time(orphan.modified),
        "last_revealed": _time(orphan.used),
    }


def _would(planned: Planned, options: dict[str, Any]) -> str:
    if planned.problem:
        return f"stays. {planned.problem}"
    if planned.asks and not options["without_copy"]:
        return "stays, because no copy can be kept. Add --without-copy to remove it for good."
    return "is removed for good." if planned.asks else "moves to the recycle bin."


def _ended(removal: Removal) -> dict[str, Any]:
    outcome = "moved" if removal.outcome in DONE else str(removal.outcome)
    return {"path": removal.key, "outcome": outcome, "message": removal.message}


def _time(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None
