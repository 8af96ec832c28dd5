"""`manage.py account`: one-time links, confirmations and operators, when nobody can sign in."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.access.actors import Actor
from console.auth import account_links, users
from console.cli.base import ConsoleCommand, machine_actor, verbs
from console.cli.terminal import Exit
from console.conf.base_url import link_to
from console.members import suspension
from console.models import AccountLink, App, User

VERBS = {
    "link": "make a one-time link for a new password; it is mailed if there is a mail server",
    "confirm": "let a suspended user use an app again, if it has no other owner",
    "operator": "make a user an operator; adds the account if there is none",
}


class Command(ConsoleCommand):
    """Acts as the machine's account, since there may be no user to act as."""

    help = "Make one-time links for accounts, confirm suspended users, and make operators."

    def add_arguments(self, parser: CommandParser) -> None:
        added = verbs(parser)
        for name, about in VERBS.items():
            verb = added.add_parser(name, help=about, description=about, allow_abbrev=False)
            verb.set_defaults(do=getattr(self, name))
            verb.add_argument("email", metavar="EMAIL")
            if name == "confirm":
                verb.add_argument(
                    "--app", required=True, metavar="APP_ID", help="app ID or identifier"
                )
            else:
                verb.add_argument(
                    "--show",
                    action="store_true",
                    help="print the link even if there is a mail server, and suspend the user",
                )
            if name == "link":
                verb.add_argument(
                    "--factors", action="store_true", help="for removing second factors instead"
                )

    def link(self, options: dict[str, Any]) -> None:
        """Make a link; print it or where it was mailed."""
        user = _find_user(options["email"])
        kind = AccountLink.Kind.FACTORS if options["factors"] else AccountLink.Kind.PASSWORD
        self._make_link(user, kind, options["show"])

    def confirm(self, options: dict[str, Any]) -> None:
        """Confirm a user in an app."""
        user = _find_user(options["email"])
        app = App.objects.filter(app_id=options["app"]).first()
        if app is None or app.app_id not in suspension.apps_of(user):
            raise CommandError("This user is not a member of this app.", returncode=Exit.DENIED)
        suspension.confirm_by_command(actor=_actor(), app=app, user=user)
        self.stdout.write(f"{user.email} has access to {app.app_id} again.")

    def operator(self, options: dict[str, Any]) -> None:
        """Make an operator, and a link for an account that nobody can sign in to yet."""
        user = users.make_operator(actor=_actor(), email=options["email"])
        self.stdout.write(f"{user.email} is an operator.")
        if suspension.is_unused(user):
            self._make_link(user, AccountLink.Kind.PASSWORD, options["show"])

    def _make_link(self, user: User, kind: AccountLink.Kind, show: bool) -> None:
        link = account_links.make_link(
            actor=_actor(),
            user=user,
            kind=kind,
            link_to=partial(link_to, "account_link"),
            show=show,
        )
        self.stdout.write(link or f"A link for {kind.label} was mailed to {user.email}.")


def _actor() -> Actor:
    """Return the machine's account, which can do what an operator can."""
    return replace(machine_actor(), is_operator=True)


def _find_user(email: str) -> User:
    user = User.objects.filter(email=email.strip().lower()).first() if email.isprintable() else None
    if user is None:
        raise CommandError("No user has this email address.", returncode=Exit.DENIED)
    return user
