"""`manage.py sandbox secret`: the same as `npx ampx sandbox secret`, through Branchkeep's store.

Wording, output and rules are those of ampx (@aws-amplify/backend-cli 1.10): the project is the name
in the working directory's package.json, the identifier --identifier or the account's name. Every
failure ends with 1.
"""

import json
import re
import sys
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import ConsoleCommand, actor_of, add_common, os_user, verbs
from console.cli.terminal import Exit, read_value
from console.lib.stopping import finishing_current_step
from secrets_app import sandboxes
from secrets_app.paths import Sandbox, sandbox_remark
from secrets_app.store.base import SecretValue
from secrets_app.store.limits import REMARKS

IDENTIFIER_PATTERN = "^[a-zA-Z0-9-]{1,15}$"
BAD_IDENTIFIER = (
    f"An identifier must have 1 to 15 letters, digits or hyphens (pattern {IDENTIFIER_PATTERN})."
)
NONE_YET = (
    "No sandbox secrets found. To create a secret use manage.py sandbox secret set <secret-name>."
)
NO_PROJECT = (
    "This directory has no package.json with a name. Run the command in the project's root, "
    "which contains the amplify directory."
)
_IDENTIFIER = re.compile(IDENTIFIER_PATTERN.removesuffix("$") + r"\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which UTF-8 can't hold
_PACKAGE_LIMIT = 1_000_000  # bytes


class Command(ConsoleCommand):
    """Set, get, list and remove the secrets of a cloud sandbox."""

    help = "Set, get, list or remove the secrets of a cloud sandbox, like npx ampx sandbox secret."

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a process of its own. Scripts may compare the exit code with that of ampx."""
        try:
            super().run_from_argv(argv)
        except SystemExit as end:
            is_failure = end.code not in {None, Exit.DONE, Exit.INTERRUPTED}
            sys.exit(Exit.REFUSED if is_failure else end.code)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command."""
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            raise CommandError(str(error), returncode=Exit.REFUSED) from error

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `secret`, its verbs and their arguments."""
        secret = verbs(parser).add_parser("secret", help="the sandbox's secrets")
        added = verbs(secret)
        for name, do, about in (
            ("set", self.set, "Set a sandbox secret"),
            ("get", self.get, "Get a sandbox secret"),
            ("list", self.list, "List all sandbox secrets"),
            ("remove", self.remove, "Remove a sandbox secret"),
        ):
            verb = added.add_parser(name, help=about, description=about, allow_abbrev=False)
            verb.set_defaults(do=do)
            _add_to(verb, name)
            verb.add_argument(
                "--identifier",
                metavar="NAME",
                help="the sandbox's identifier (default: the account's name)",
            )
            add_common(verb)

    def set(self, options: dict[str, Any]) -> None:
        """Write a value, overwriting an existing one like ampx does."""
        actor, sandbox, key = actor_of(options), self._sandbox(options), options["key"]
        sandboxes.parameter_path(sandbox, key)  # reject an invalid key before asking for a value
        value = SecretValue(read_value("? Enter secret value: "))
        with finishing_current_step():
            version = sandboxes.set_secret(actor=actor, sandbox=sandbox, key=key, value=value)
        self.note_remark(REMARKS.describe(value.reveal()))
        plain = f"Successfully created version {version} of secret {key}"
        self.print_result(options, plain, {"name": key, "version": version})

    def get(self, options: dict[str, Any]) -> None:
        """Print a secret with its value."""
        key = options["key"]
        reading = sandboxes.get_secret(
            actor=actor_of(options), sandbox=self._sandbox(options), key=key
        )
        record = {
            "name": key,
            "version": reading.parameter.version,
            "value": reading.value.reveal(),
            "lastUpdated": _as_javascript(reading.parameter.modified),
        }
        if options["format"] == "json":
            self.print_result(options, "", record)
        else:
            self.print_value("".join(f"{name}: {text}\n" for name, text in record.items()))

    def list(self, options: dict[str, Any]) -> None:
        """Print the names."""
        found = sandboxes.list_secrets(actor=actor_of(options), sandbox=self._sandbox(options))
        plain = "\n".join(f" - {key}" for key in found) or NONE_YET
        self.print_result(options, f"{plain}\n\n", [{"name": key} for key in found])

    def remove(self, options: dict[str, Any]) -> None:
        """Remove one secret, or all of them."""
        key, all_of_them = options["key"], options["all"]
        if (key is None) != all_of_them:
            raise CommandError("Name a secret, or add --all.", returncode=Exit.USAGE)
        actor, sandbox = actor_of(options), self._sandbox(options)
        if all_of_them:
            with finishing_current_step():
                removed = sandboxes.remove_all(actor=actor, sandbox=sandbox)
            self.print_result(options, "Successfully removed all secrets", {"removed": removed})
        else:
            with finishing_current_step():
                sandboxes.remove_secret(actor=actor, sandbox=sandbox, key=key)
            self.print_result(options, f"Successfully removed secret {key}", {"removed": [key]})

    def _sandbox(self, options: dict[str, Any]) -> Sandbox:
        """Return the sandbox. Print a remark if Amplify gives another one the same paths."""
        identifier = options["identifier"] or os_user()  # "" is none, as for ampx
        if options["identifier"] and not _IDENTIFIER.match(identifier):
            raise CommandError(BAD_IDENTIFIER, returncode=Exit.REFUSED)
        sandbox = Sandbox(_project(), identifier)
        self.note_remark(sandbox_remark(sandbox))
        return sandbox


def _add_to(verb: ArgumentParser, name: str) -> None:
    if name == "remove":
        verb.add_argument("key", metavar="secret-name", nargs="?")
        verb.add_argument("--all", action="store_true", help="Remove all secrets")
    elif name != "list":
        verb.add_argument("key", metavar="secret-name")


def _project() -> str:
    """Return the name in the working directory's package.json, as Node.js reads it."""
    try:
        with Path("package.json").open("rb") as file:
            package = json.loads(file.read(_PACKAGE_LIMIT).decode(errors="replace"))
    except (OSError, ValueError, RecursionError):
        raise CommandError(NO_PROJECT, returncode=Exit.REFUSED) from None
    name = package.get("name") if isinstance(package, dict) else None
    if not isinstance(name, str) or not name:
        raise CommandError(NO_PROJECT, returncode=Exit.REFUSED)
    return _SURROGATE.sub("\ufffd", name)


def _as_javascript(moment: datetime) -> str:
    """Return a time as JavaScript prints it, so that the output matches ampx's on UTC machines."""
    return f"{moment:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)"
