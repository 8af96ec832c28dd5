"""Base class of commands: who acts, on which app and branch, and how errors are reported.

docs/commands.md is the documentation for users. Errors never repeat what was typed, because it may
be a value in the wrong place.
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
from django.core.management.base import BaseCommand, CommandError, CommandParser

from console.access.actors import Actor, from_command_line
from console.access.policy import Access, find_app
from console.audit import chain
from console.cli.errors import UNEXPECTED, to_command_error
from console.cli.terminal import Exit
from console.db import versions
from console.lib.naming.names import branch_name_problem
from console.lib.text.unprintable import escape_unprintable
from console.models import Branch, User
from console.workflows.previews.offers import offers_of, summary

# argparse quotes what was typed after these words.
_TYPED = re.compile(r""":? ['"].*|(?<=unrecognized arguments).*""", re.DOTALL)


class Parser(CommandParser):
    """Reports invalid arguments without repeating them, since one may be a value."""

    def error(self, message: str) -> NoReturn:
        """End with the usage, or raise CommandError if called from Python."""
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
class CommandScope:
    """The scope of a command. `branch` None stands for All branches."""

    access: Access
    branch: Branch | None

    @property
    def app_id(self) -> str:
        """Return the app ID."""
        return self.access.app.app_id

    @property
    def branch_id(self) -> int | None:
        """Return the branch's row id."""
        return self.branch.pk if self.branch else None

    def to_dict(self) -> dict[str, str | None]:
        """Return the scope for JSON output."""
        return {"app": self.app_id, "branch": self.branch.name if self.branch else None}


class ConsoleCommand(BaseCommand):
    """A command that acts as a Branchkeep user.

    Errors become an Exit code and one sentence on standard error. `--traceback` adds the stack
    frames, but never an exception's own message, which might quote a value.
    """

    requires_system_checks = ()  # they take longer than most commands
    refuses_newer_database = True
    is_process = False  # False if called through call_command()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that doesn't echo arguments."""
        parser = super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)
        # Django's create_parser doesn't let a subclass choose its parser.
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
            # Redirect, so that the flush at exit does not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            # A closed pipe only means that the reader has enough.
            if not isinstance(error, BrokenPipeError):
                self.note(f"The operating system reported an error: {error.strerror}.")
            sys.exit(Exit.REFUSED)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; turn every error into a sentence and an exit code."""
        try:
            if self.is_process and self.refuses_newer_database:
                versions.refuse_newer_database()
            return super().execute(*args, **options)
        except OSError:  # from the output or the terminal
            raise
        except Exception as error:
            problem = to_command_error(error)
            if problem is None and not self.is_process:
                raise
            frames = traceback.format_tb(error.__traceback__)
            problem = problem or CommandError(
                UNEXPECTED.format(type(error).__name__), returncode=Exit.STORE
            )
        finally:
            chain.append_pending_links()
        if not self.is_process:
            raise problem
        if options["traceback"]:
            self.stderr.write("".join(frames))
        self.note(str(problem))
        sys.exit(problem.returncode)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the verb's function."""
        options["do"](options)

    def note(self, text: str) -> None:
        """Print a message to standard error, with control characters escaped."""
        self.stderr.write(escape_unprintable(text, keep="\n"))

    def note_remark(self, remark: str) -> None:
        """Print to standard error what is said about a value, if anything."""
        if remark:
            self.note(remark)

    def note_offers(self, scope: CommandScope, noun: str = "") -> None:
        """Print to standard error how many values a preview would take, but doesn't get now."""
        source, offers = offers_of(scope.access, scope.branch)
        number = sum(noun in {"", offer.noun} for offer in offers)
        if scope.branch and source and number:
            self.note(summary(scope.branch, source, number))

    def print_result(self, options: dict[str, Any], plain: str, data: object) -> None:
        """Print the result in the requested format."""
        self.stdout.write(json.dumps(data, indent=2) if options["format"] == "json" else plain)

    def print_value(self, text: str) -> None:
        """Print a value byte for byte and nothing else.

        On a terminal it gets a line of its own, and control characters are escaped, since the
        terminal would obey them.
        """
        if not self.stdout.isatty():
            self.stdout.write(text, ending="")
            return
        shown = escape_unprintable(text, keep="\n\t")
        if shown != text:
            self.note(
                "Control characters are shown as escapes. Redirect the output to a file to get "
                "them unchanged."
            )
        self.stdout.write(shown)


def verbs(parser: ArgumentParser) -> "_SubParsersAction[ArgumentParser]":
    """Return the action to which a command adds its verbs."""
    return parser.add_subparsers(required=True, metavar="VERB", dest="verb", parser_class=Parser)


def add_scope(parser: ArgumentParser, *, formats: Sequence[str] = ("plain", "json")) -> None:
    """Add the arguments that name a scope, the actor and the output format."""
    parser.add_argument("--app", required=True, metavar="APP_ID", help="app ID or identifier")
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
    """Return the acting user, from `--as` or CONSOLE_USER. Raises CommandError.

    There is no password prompt: anyone who has the deployment's settings can write to its database
    anyway. The audit trail therefore also names the operating system account.
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


def machine_actor() -> Actor:
    """Return an Actor for commands without a Branchkeep user, such as backups."""
    return Actor(kind="command", label=_account()[:200])


def _account() -> str:
    return f"account {os_user()} on {socket.gethostname()}"


def os_user() -> str:
    """Return this process's account. Environment variables could claim anything."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user may have no name
        return str(os.geteuid())


def find_scope(options: dict[str, Any]) -> CommandScope:
    """Return the requested scope. Raises CommandError, or Http404 for outsiders."""
    access = find_app(actor_of(options), options["app"])
    name = options["branch"]
    if name is None:
        return CommandScope(access, None)
    branch = None if branch_name_problem(name) else access.app.branches.filter(name=name).first()
    if branch is None:
        raise CommandError("This app has no branch with this name.", returncode=Exit.DENIED)
    branch.app = access.app
    return CommandScope(access, branch)


def _prepare_process() -> None:
    """Quiet the log unless LOG_LEVEL is set, write UTF-8 in any locale, and disable core dumps.

    A core dump would contain values.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if "LOG_LEVEL" not in os.environ:
        # On standard error the log would mix with the command's messages.
        for handler in logging.getLogger().handlers:
            handler.setLevel(logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]  # a TextIO here
