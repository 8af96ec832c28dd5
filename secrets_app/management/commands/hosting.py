"""`manage.py hosting`: the values of self-managed hosting, like `ampx secret` and `ampx config`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import ConsoleCommand, actor_of, add_common, verbs
from console.cli.terminal import Exit, confirm, read_value, table
from console.lib.stopping import finishing_current_step
from secrets_app.hosting import values
from secrets_app.hosting.places import REMARKS, Kind, Place
from secrets_app.hosting.values import HostingValue
from secrets_app.hosting_paths import NOT_A_STAGE, code_remark, is_stage
from secrets_app.store.base import SecretValue

SHARED = "shared"
RESTORED = "The secret was scheduled for deletion. It was restored before the new value was saved."
INHERITED = "This stage has no value of its own. This is the shared one."
NONE_YET = "There are no values here yet."
HEAD = ("KEY", "STAGE", "STATE")
NOUNS = {Kind.SECRET: "hosting secret", Kind.CONFIG: "hosting configuration value"}


class Command(ConsoleCommand):
    """Set, get, list, remove and restore values of self-managed hosting."""

    help = "Set, get, list, remove or restore the values of an app's self-managed hosting."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the kinds, their verbs and arguments."""
        kinds = verbs(parser)
        for kind, about in (
            (Kind.SECRET, "secrets, in AWS Secrets Manager"),
            (Kind.CONFIG, "configuration, in Parameter Store"),
        ):
            added = verbs(kinds.add_parser(kind.value, help=about))
            for name, do, words in (
                ("set", self.set, "create or change one; prompts, or reads standard input"),
                ("get", self.get, "print a value; with --stage, the one that stage reads"),
                ("list", self.list, "list all; with --stage, those that stage reads"),
                ("remove", self.remove, "remove one"),
                ("restore", self.restore, "restore a secret that is scheduled for deletion"),
            ):
                if name != "restore" or kind is Kind.SECRET:
                    verb = added.add_parser(name, help=words, description=words, allow_abbrev=False)
                    verb.set_defaults(do=do, kind=kind)
                    _add_to(verb, name)

    def set(self, options: dict[str, Any]) -> None:
        """Write a value, overwriting an existing one, as `ampx` does."""
        place = _place(options)
        value = SecretValue(read_value(f"Value of {place.key}: "))
        with finishing_current_step():
            saved = values.set_value(**_who(options), place=place, value=value)
        if saved.was_removed:
            self.note(RESTORED)
        self.note_remark(REMARKS[place.kind].describe(value.reveal()))
        self.note_remark(code_remark(place.key))
        done = "created" if saved.is_new else "changed"
        self._print(options, place, done, {"version": saved.version})

    def get(self, options: dict[str, Any]) -> None:
        """Print a value."""
        asked = _place(options)
        place, value = values.get_effective_value(**_who(options), place=asked)
        if options["format"] == "json":
            self.print_result(options, "", {**_named(place), "value": value.reveal()})
            return
        if place != asked:
            self.note(INHERITED)
        self.note_remark(REMARKS[place.kind].describe(value.reveal()))
        self.print_value(value.reveal())

    def list(self, options: dict[str, Any]) -> None:
        """Print the keys, never values."""
        stage = _stage_in(options)
        found = values.list_values(**_who(options), kind=options["kind"])
        if stage:
            found = values.read_by(stage, found)
        cells = [(it.place.key, _stage(it.place), _state(it)) for it in found]
        data = [{**_named(it.place), "version": it.version, "state": _state(it)} for it in found]
        self.print_result(options, table(HEAD, cells) if cells else NONE_YET, data)

    def remove(self, options: dict[str, Any]) -> None:
        """Remove a value. Only a secret can be restored."""
        place = _place(options)
        confirm(f"Remove {place.key} ({_stage(place)})?", yes=options["yes"])
        with finishing_current_step():
            values.remove_value(**_who(options), place=place)
        self._print(options, place, "removed", {})

    def restore(self, options: dict[str, Any]) -> None:
        """Restore a secret."""
        place = _place(options)
        with finishing_current_step():
            values.restore_secret(**_who(options), place=place)
        self._print(options, place, "restored", {})

    def _print(
        self, options: dict[str, Any], place: Place, done: str, more: dict[str, str]
    ) -> None:
        plain = f"Successfully {done} {NOUNS[place.kind]} {place.key} ({_stage(place)})"
        self.print_result(options, plain, {**_named(place), "outcome": done, **more})


def _add_to(verb: ArgumentParser, name: str) -> None:
    if name != "list":
        verb.add_argument("key", metavar="KEY")
    if name == "remove":
        verb.add_argument("--yes", action="store_true", help="don't ask for confirmation")
    verb.add_argument("--app", required=True, metavar="APP_ID", help="app ID or identifier")
    verb.add_argument("--stage", metavar="NAME", help="the stage (default: shared by all stages)")
    add_common(verb)


def _who(options: dict[str, Any]) -> dict[str, Any]:
    return {"actor": actor_of(options), "app_id": options["app"]}


def _place(options: dict[str, Any]) -> Place:
    return Place(options["kind"], _stage_in(options), options["key"])


def _stage_in(options: dict[str, Any]) -> str:
    """Return the stage, "" without --stage. Raises CommandError for an invalid name.

    An empty name is refused, because it is often an unset variable of the shell.
    """
    stage = options["stage"]
    if stage is not None and not is_stage(stage):
        raise CommandError(NOT_A_STAGE, returncode=Exit.REFUSED)
    return stage or ""


def _named(place: Place) -> dict[str, str | None]:
    return {"key": place.key, "stage": place.stage or None}


def _stage(place: Place) -> str:
    return f"stage {place.stage}" if place.stage else SHARED


def _state(row: HostingValue) -> str:
    if row.removed:
        return "scheduled for deletion"
    return "encrypted" if row.encrypted and row.place.kind is Kind.CONFIG else ""
