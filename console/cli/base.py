"""What the commands share: who acts, on which app and branch, and how it ends.

docs/commands.md tells people of it. Nothing that was typed is repeated in an error: it may be a
value in the wrong place.
"""

import json
import logging
import os
import pwd
import re
import resource
import socket
import sys
import traceback
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.http import Http404

from console.access.actors import Actor, from_command_line
from console.access.policy import Access, find_app
from console.audit import chain
from console.backup.errors import BackupError
from console.cli.terminal import Exit
from console.lib.names import branch_name_problem
from console.lib.results import DONE, Result, RowOutcome
from console.lib.text import escaped
from console.models import Branch, User

_TYPED = re.compile(r""":? ['"].*|(?<=unrecognized arguments).*""", re.DOTALL)


EXITS = {
    Result.CONFLICT: Exit.CONFLICT,
    Result.REFUSED: Exit.REFUSED,
    Result.DENIED: Exit.DENIED,
    Result.UNKNOWN: Exit.STORE,
    Result.FAILED: Exit.STORE,
    Result.NOT_TRIED: Exit.STORE,
}
NO_APP = "This app does not exist, or you are not a member of it."
DATABASE = (
    "Branchkeep's database did not answer, or its tables have not been created. Check "
    "DATABASE_URL and start Branchkeep once."
)
UNFORESEEN = (
    "Unexpected error ({}). The app's activity shows what was done. Run again with --traceback "
    "for details."
)


class Parser(CommandParser):
    """Complains of arguments without repeating what was typed: it may be a value."""

    def error(self, message: str) -> NoReturn:
        """End with how the command is used."""
        message = _TYPED.sub("", message)
        if "unrecognized" in message:
            message += (
                " (values are not passed as arguments: type the value when asked, or send it on "
                "standard input)"
            )
        if self.called_from_command_line:
            super().error(message)
        raise CommandError(message, returncode=Exit.USAGE)


@dataclass(frozen=True)
class Where:
    """The scope that a command is about; no branch is All branches."""

    access: Access
    branch: Branch | None

    @property
    def app_id(self) -> str:
        """The app's id."""
        return self.access.app.app_id

    @property
    def branch_id(self) -> int | None:
        """The branch's row."""
        return self.branch.pk if self.branch else None

    def described(self) -> dict[str, str | None]:
        """Return it for JSON."""
        return {"app": self.app_id, "branch": self.branch.name if self.branch else None}


class ConsoleCommand(BaseCommand):
    """A command that acts as a user of the console. Subclasses say what it takes and does.

    Ends with an Exit and one sentence on standard error; `--traceback` adds the places in the code
    that led there, and no exception's own words, which might quote a value.
    """

    requires_system_checks = ()  # they take longer than most commands
    is_process = False  # or called within one, by call_command()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that doesn't echo; Django names its own class outright."""
        parser = super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)
        parser.__class__ = Parser
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a process of its own."""
        self.is_process = True
        _prepare_process()
        try:
            super().run_from_argv(argv)
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.exit(Exit.INTERRUPTED)
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no second try at exit
            if not isinstance(error, BrokenPipeError):  # then who reads our output has enough
                self.note(f"The operating system reported an error: {error.strerror}.")
            sys.exit(Exit.REFUSED)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; turn whatever goes wrong into a sentence and an exit code."""
        try:
            return super().execute(*args, **options)
        except OSError:  # the output's, or the terminal's
            raise
        except Exception as error:
            problem = told(error)
            if problem is None and not self.is_process:
                raise
            places = traceback.format_tb(error.__traceback__)
            problem = problem or CommandError(
                UNFORESEEN.format(type(error).__name__), returncode=Exit.STORE
            )
        finally:
            chain.seal_written()
        if not self.is_process:
            raise problem
        if options["traceback"]:
            self.stderr.write("".join(places))
        self.note(str(problem))
        sys.exit(problem.returncode)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        options["do"](options)

    def note(self, text: str) -> None:
        """Tell people something beside the output; a name or a value in it commands no terminal."""
        self.stderr.write(escaped(text, keep="\n"))

    def say(self, options: dict[str, Any], plain: str, data: object) -> None:
        """Print the outcome as was asked for."""
        self.stdout.write(json.dumps(data, indent=2) if options["format"] == "json" else plain)

    def give(self, text: str) -> None:
        """Print a value with all its bytes and nothing else.

        A terminal gets a line of its own, and control characters as escapes: they would be
        commands to it.
        """
        if not self.stdout.isatty():
            self.stdout.write(text, ending="")
            return
        shown = escaped(text, keep="\n\t")
        if shown != text:
            self.note(
                "Control characters are shown as escapes. Redirect the output to a file to get "
                "them unchanged."
            )
        self.stdout.write(shown)


def told(error: Exception) -> CommandError | None:
    """Return what to tell of an error, or None where nobody foresaw it."""
    match error:
        case CommandError():
            return error
        case Http404():
            return CommandError(NO_APP, returncode=Exit.DENIED)
        case PermissionDenied():
            return CommandError(str(error), returncode=Exit.DENIED)
        case ValidationError():
            return CommandError(" ".join(error.messages), returncode=Exit.REFUSED)
        case ImproperlyConfigured():
            return CommandError(str(error), returncode=Exit.STORE)
        case BackupError():
            return CommandError(error.message, returncode=Exit.REFUSED)
        case DatabaseError():
            return CommandError(DATABASE, returncode=Exit.STORE)
    if code := getattr(error, "exit_code", None):  # a store's error, which the core doesn't know
        return CommandError(str(error), returncode=code)
    return None


def verbs(parser: ArgumentParser) -> "_SubParsersAction[ArgumentParser]":
    """Return where a command's verbs are added."""
    return parser.add_subparsers(required=True, metavar="VERB", dest="verb", parser_class=Parser)


def add_scope(parser: ArgumentParser, *, formats: Sequence[str] = ("plain", "json")) -> None:
    """Add the arguments that name a scope, who acts, and how the output looks."""
    parser.add_argument("--app", required=True, metavar="APP_ID", help="the Amplify app ID")
    parser.add_argument("--branch", metavar="NAME", help="the branch (default: All branches)")
    add_common(parser, formats=formats)


def add_common(parser: ArgumentParser, *, formats: Sequence[str] = ("plain", "json")) -> None:
    """Add the arguments of every command."""
    parser.add_argument(
        "--as",
        dest="email",
        metavar="EMAIL",
        help="the acting user's email address (default: CONSOLE_USER)",
    )
    if formats:
        parser.add_argument("--format", choices=formats, default=formats[0])


def actor_of(options: dict[str, Any]) -> Actor:
    """Return who acts: the user of `--as`, else of CONSOLE_USER. Raises CommandError.

    Nobody asks for a password here: whoever has the deployment's settings could write to its
    database. So the audit trail also gets the account on this machine.
    """
    email = str(options["email"] or settings.CONSOLE_USER).strip().lower()
    if not email:
        raise CommandError(
            "No user given. Add --as EMAIL or set CONSOLE_USER.", returncode=Exit.USAGE
        )
    user = User.objects.filter(email=email).first() if email.isprintable() else None
    if user is None:
        raise CommandError("No user has this email address.", returncode=Exit.DENIED)
    if not user.is_active:
        raise CommandError("This user is disabled.", returncode=Exit.DENIED)
    return replace(from_command_line(user), agent=_account()[:200])


def someone_at_the_machine() -> Actor:
    """Return who acts where no user of the console does: whoever has its settings."""
    return Actor(kind="command", label=_account()[:200])


def _account() -> str:
    return f"account {os_user()} on {socket.gethostname()}"


def os_user() -> str:
    """Return this process's account; the environment could say anything."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user need not have a name
        return str(os.geteuid())


def where_of(options: dict[str, Any]) -> Where:
    """Return the scope that is asked for. Raises CommandError, and Http404 for an outsider."""
    access = find_app(actor_of(options), options["app"])
    name = options["branch"]
    if name is None:
        return Where(access, None)
    branch = None if branch_name_problem(name) else access.app.branches.filter(name=name).first()
    if branch is None:
        raise CommandError("This app has no branch with this name.", returncode=Exit.DENIED)
    branch.app = access.app
    return Where(access, branch)


def require_done(outcome: RowOutcome) -> None:
    """Raise CommandError where a row was not saved."""
    if outcome.outcome not in DONE:
        raise CommandError(outcome.message, returncode=EXITS[outcome.outcome])


def _prepare_process() -> None:
    """Keep the log out of the way unless LOG_LEVEL asks for it, write UTF-8 whatever the locale is,
    and leave no core dump, which would hold values."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if "LOG_LEVEL" not in os.environ:
        for handler in logging.getLogger().handlers:
            handler.setLevel(logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
