"""`manage.py run`: run a command with a branch's variables, and optionally its secrets."""

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connections

from console.access.branches import audit_name
from console.audit import chain
from console.audit.events import Action, Target, recording
from console.cli.base import CommandScope, ConsoleCommand, add_scope, find_scope
from console.cli.terminal import Exit
from console.workflows.process_environment import effective_list, process_environment

NOT_FOUND = 127  # the exit codes of a shell
NOT_RUN = 126
# Branchkeep's own credentials, which the command must not inherit.
OURS = (
    *("SECRET_KEY", "ENCRYPTION_KEYS", "AUDIT_KEYS", "BACKUP_KEY", "DATABASE_URL", "EMAIL_URL"),
    *("OIDC_CLIENT_SECRET", "METRICS_TOKEN", "DJANGO_SETTINGS_MODULE"),
)
# Where botocore looks for credentials (botocore's credentials.py and configprovider.py).
OURS_IN_AWS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_CREDENTIAL_FILE", "AWS_CREDENTIAL_EXPIRATION", "AWS_LOGIN_CACHE_DIRECTORY"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
)
NO_COMMAND = "No command given. Add it after two dashes: run --app … -- npm start"
NO_PROGRAM = "Command not found. Check what you wrote after the two dashes."
BOTH = "{} is both a variable and a secret. The command gets the secret."
NUL = "{} is not included: it contains a NUL character, which environment variables can't hold."


class Command(ConsoleCommand):
    """Replace this process with the command, by exec and without a shell.

    So signals and the exit code are the command's, and no process that holds values stays behind.
    """

    help = "Run a command with a branch's effective variables in its environment."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the scope and, after two dashes, the command."""
        add_scope(parser, formats=())
        parser.add_argument(
            "--secrets", action="store_true", help="also pass the branch's secrets (audited)"
        )
        parser.add_argument(
            "--list",
            action="store_true",
            help="list the keys that the branch gets, and run nothing",
        )
        parser.add_argument(
            "command",
            nargs="...",
            metavar="-- COMMAND",
            help="the command to run, after two dashes",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Collect the values, record the run, and exec the command."""
        if options["list"]:
            return self._list(find_scope(options))
        program, command = _program(options["command"])
        where = find_scope(options)
        self.note_offers(where)
        found = process_environment(
            where.access, where.branch, include_confidential=options["secrets"]
        )
        for key in found.shadowed:
            self.note(BOTH.format(key))
        for key in found.impossible:
            self.note(NUL.format(key))
        # Without the arguments, which may hold secrets.
        subject = f"{found.summary()}: {Path(command[0]).name}"
        scope = audit_name(where.branch, where.access.partners.get(where.branch, ()))
        target = Target(where.app_id, scope, subject)
        with recording(where.access.actor, Action.ENVIRONMENT_RUN, target):
            environment = _environment(found.values)
        _become(program, command, environment)

    def _list(self, where: CommandScope) -> None:
        self.note_offers(where)
        for noun, entry in effective_list(where.access, where.branch):
            self.stdout.write(f"{entry.key}\t{noun}\t{entry.origin}")


def _program(arguments: list[str]) -> tuple[str, list[str]]:
    """Return (program, command line). The caller's PATH counts, not the branch's."""
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        raise CommandError(NO_COMMAND, returncode=Exit.USAGE)
    program = shutil.which(command[0])
    if program is None:
        raise CommandError(NO_PROGRAM, returncode=NOT_FOUND)
    return program, command


def _environment(values: Mapping[str, str]) -> dict[bytes, bytes]:
    """Return this process's environment, without Branchkeep's own settings, plus the values."""
    uses_aws = settings.PARAMETER_STORE == "ssm" or settings.AMPLIFY == "on"
    own_names = {name.encode() for name in (*OURS, *(OURS_IN_AWS if uses_aws else ()))}
    inherited = {name: value for name, value in os.environb.items() if name not in own_names}
    return inherited | {name.encode(): value.encode() for name, value in values.items()}


def _become(program: str, command: list[str], environment: dict[bytes, bytes]) -> NoReturn:
    chain.append_pending_links()
    connections.close_all()
    sys.stdout.flush()
    # Python ignores these two, and an ignored signal stays ignored across exec.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execve(program, command, environment)  # noqa: S606 - deliberately without a shell
    except OSError as error:
        sentence = f"Can't run the command: {error.strerror}."
        raise CommandError(sentence, returncode=NOT_RUN) from None
