"""`manage.py check_environment`: what a project's code needs, compared with an app's branches."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.access.policy import Access, find_app
from console.cli.base import ConsoleCommand, actor_of, add_common, find_scope
from console.cli.terminal import Exit, table
from console.environment import build_files
from console.lib.scanning.files import Folder
from console.lib.scanning.project import scan
from console.lib.scanning.results import Place, Project
from console.lib.text.unprintable import escape_unprintable, one_line
from console.models import Branch, scope_name
from console.workflows.checking import Line, Report, State, check

HEAD = ("BRANCH", "STATE", "KIND", "KEY", "WHERE")
NO_FOLDER = "This folder does not exist. Name the folder with the project's code."
MISSING = "{} required {} missing."
NOT_READ = "{} not read to its end."
UNCLEAR = "{}: the key of this {} is known only when the code runs, so it was not checked."
OUTDATED = "The store of the {}s did not answer. This result is from the last time that it did."
EITHER = "secret or variable"


class Command(ConsoleCommand):
    """Check a folder. Keys alone are read and compared, never values."""

    help = "Check whether an app's branches have the secrets and variables that code uses."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the folder, the app and the branches."""
        parser.add_argument(
            "path", nargs="?", default=".", metavar="PATH", help="the project (default: here)"
        )
        parser.add_argument("--app", required=True, metavar="APP_ID", help="app ID or identifier")
        parser.add_argument(
            "--branch",
            action="append",
            metavar="NAME",
            help="a branch, and again for another (default: every branch)",
        )
        add_common(parser, formats=("text", "json", "github"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, print what was found, and fail if something required is missing."""
        access, scopes = _scopes(options)
        root = Path(options["path"])
        if not root.is_dir():
            raise CommandError(NO_FOLDER, returncode=Exit.USAGE)
        project = scan(Folder(root), build_files.read)
        report = check(access, project, scopes)
        for noun in report.outdated:
            self.note(OUTDATED.format(noun))
        if options["format"] == "github":
            for command in _annotations(project, report, _prefix(root)):
                self.stdout.write(command)
        else:
            self.print_result(options, _text(report), _described(access, project, report))
            self._note_rest(project)
        if problem := _problem(project, report):
            raise CommandError(problem, returncode=Exit.REFUSED)

    def _note_rest(self, project: Project) -> None:
        """Print to standard error what was not checked."""
        for noun, place in project.unclear:
            self.note(UNCLEAR.format(_shown(place), noun))
        for problem in project.problems:
            message = escape_unprintable(problem.message, keep="")  # a name may hold line breaks
            self.note(f"{_shown(problem.place)}: {message}")


def _scopes(options: dict[str, Any]) -> tuple[Access, Sequence[Branch | None]]:
    """Return the branches to check. An app without branches has what All branches would get."""
    if options["branch"]:
        found = [find_scope({**options, "branch": it}) for it in dict.fromkeys(options["branch"])]
        return found[0].access, [scope.branch for scope in found]
    access = find_app(actor_of(options), options["app"])
    return access, [it for it in access.branches if it.deleted_at is None] or [None]


def _problem(project: Project, report: Report) -> str:
    """Return why the command fails, or ""."""
    parts = []
    if count := len(report.missing):
        parts.append(MISSING.format(count, "value is" if count == 1 else "values are"))
    if count := sum(problem.is_error for problem in project.problems):
        parts.append(NOT_READ.format("1 file was" if count == 1 else f"{count} files were"))
    return " ".join(parts)


def _shown(place: Place) -> str:
    return f"{one_line(place.path)}:{place.line}" if place.path else "."


def _text(report: Report) -> str:
    rows = [
        (
            scope_name(line.branch),
            str(line.state),
            line.noun or EITHER,
            one_line(line.key),
            _where(line),
        )
        for line in report.lines
    ]
    return table(HEAD, rows) if rows else "The project uses no secrets or variables."


def _where(line: Line) -> str:
    first = _shown(line.places[0]) if line.places else ""
    more = f" and {len(line.places) - 1} more" if len(line.places) > 1 else ""
    remarks = _remarks(line) if line.state is State.MISSING else ""
    return f"{first}{more}. {remarks}" if remarks else f"{first}{more}"


def _remarks(line: Line) -> str:
    """Return what may be wrong, and what the manifest says of a key."""
    pattern = f"Pattern: {one_line(line.pattern)}" if line.pattern else ""
    return " ".join(filter(None, (line.hint, one_line(line.description), pattern)))


def _described(access: Access, project: Project, report: Report) -> dict[str, Any]:
    return {
        "app": access.app.app_id,
        "files": project.files,
        "manifest": project.manifest or None,
        "keys": [
            {
                "branch": line.branch.name if line.branch else None,
                "key": line.key,
                "kind": line.noun or None,
                "state": line.state,
                "uses": [_placed(place) for place in line.places],
                **{
                    name: text
                    for name in ("hint", "description", "pattern")
                    if (text := getattr(line, name))
                },
            }
            for line in report.lines
        ],
        "unclear": [{"kind": noun, **_placed(place)} for noun, place in project.unclear],
        "problems": [{**_placed(it.place), "message": it.message} for it in project.problems],
    }


def _placed(place: Place) -> dict[str, Any]:
    return {"file": place.path, "line": place.line}


def _prefix(root: Path) -> str:
    """Return the path from the Git repository's folder to the project, for annotations."""
    full = root.resolve()
    base = next((it for it in (full, *full.parents) if (it / ".git").exists()), full)
    inside = full.relative_to(base).as_posix()
    return "" if inside == "." else f"{inside}/"


def _annotations(project: Project, report: Report, prefix: str) -> Iterator[str]:
    """Yield workflow commands: one per missing key, with the most serious first."""
    by_key = sorted(report.missing, key=lambda line: (line.noun, line.key))
    for (noun, key), found in groupby(by_key, lambda line: (line.noun, line.key)):
        lines = list(found)
        branches = ", ".join(scope_name(line.branch) for line in lines)
        kind = noun or EITHER
        text = f"{one_line(key)} has no value on {branches}."
        place = lines[0].places[0]
        yield _annotation("error", place, prefix, f"Missing {kind}", f"{text} {_remarks(lines[0])}")
    for problem in project.problems:
        level = "error" if problem.is_error else "warning"
        yield _annotation(level, problem.place, prefix, "Not read", problem.message)
    for noun, place in project.unclear:
        text = "The key is known only when the code runs, so it was not checked."
        yield _annotation("notice", place, prefix, f"Unclear {noun}", text)


def _annotation(level: str, place: Place, prefix: str, title: str, text: str) -> str:
    path = escape_unprintable(f"{prefix}{place.path}", keep="")
    where = {"file": path, "line": str(place.line), "title": title}
    properties = ",".join(
        f"{name}={_escaped(value, ':', ',')}" for name, value in where.items() if value
    )
    return f"::{level} {properties}::{_escaped(escape_unprintable(text.strip(), keep=''))}"


def _escaped(text: str, *more: str) -> str:
    """Escape as @actions/core does: data, and for properties also colons and commas."""
    for sign in ("%", "\r", "\n", *more):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
