"""Acts: one table says who may do each, and whether it asks for recent re-authentication.

The services refuse, so pages, commands and the admin can't differ. `console.audit.events.recording`
asks before each act that always asks; a service calls `require_recent` for one that asks at times.
An act that is missing here can't be recorded, and a test finds it.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from django.conf import settings
from django.core.exceptions import PermissionDenied

from console.access.actions import Action
from console.access.actors import Actor
from console.access.policy import Access, Permission
from console.lib.clock import is_within
from console.models import Branch


class Who(Enum):
    """Who may do what no permission of an app covers."""

    ANYONE = "anyone"
    LINK = "the holder of a link that works once"
    WRITER = "a member whose role allows changes on any branch"
    SELF = "every user, for their own account"
    SELF_OR_OPERATOR = "every user for their own account, and an operator for others"
    OWNER_OR_OPERATOR = "an owner of the app, or an operator"
    OPERATOR = "an operator"
    MACHINE = "an operator at the machine, by a command"
    CONSOLE = "Branchkeep itself"


@dataclass(frozen=True)
class Asks:
    """The act asks for recent re-authentication.

    `to` completes "Confirm your identity to …". With `only_if` it asks at times, and the service
    decides.
    """

    to: str
    only_if: str = ""


@dataclass(frozen=True)
class AsksNot:
    """The act asks for nothing, for this reason."""

    reason: str


@dataclass(frozen=True)
class Rule:
    """Who may do an act, and whether it asks for recent re-authentication."""

    who: Permission | Who
    reauthentication: Asks | AsksNot


_PROVES = AsksNot("This is how a person proves who they are.")
_TAKES_AWAY = AsksNot("It only takes access away, and must work at once in an emergency.")
_SHOWS_NOTHING = AsksNot("It shows no secret value and widens nobody's access.")
_PLAIN = AsksNot("Every member can see variables, and it widens nobody's access.")
_OBSERVED = AsksNot("Branchkeep records what it found. Nobody acts.")
_REVEALS = Asks("reveal a protected value", only_if="a protected branch has or inherits the value")
_AT_THE_MACHINE = AsksNot("Anyone who can run it could change the database directly.")

RULES: dict[Action, Rule] = {
    Action.OPERATOR_CREATED: Rule(
        Who.LINK, AsksNot("The link works once, and only while there is no account.")
    ),
    Action.SIGN_IN: Rule(Who.ANYONE, _PROVES),
    Action.SIGN_OUT: Rule(Who.SELF, _TAKES_AWAY),
    Action.SIGN_IN_LIMITED: Rule(Who.ANYONE, _PROVES),
    Action.IDENTITY_CONFIRMED: Rule(Who.SELF, _PROVES),
    Action.PASSWORD_CHANGED: Rule(Who.SELF, AsksNot("The form asks for the current password.")),
    Action.SESSION_ENDED: Rule(Who.SELF_OR_OPERATOR, _TAKES_AWAY),
    Action.FACTOR_ADDED: Rule(Who.SELF, Asks("add a second factor")),
    Action.FACTOR_REMOVED: Rule(Who.SELF_OR_OPERATOR, Asks("remove a second factor")),
    Action.USER_CHANGED: Rule(Who.OPERATOR, Asks("change a user")),
    Action.ACCOUNT_LINK_MADE: Rule(Who.OPERATOR, Asks("make a link to a person's account")),
    Action.ACCOUNT_RESET: Rule(
        Who.LINK, AsksNot("The link works once, and the person signs in afterwards.")
    ),
    Action.ACCOUNT_CHANGED: Rule(Who.OPERATOR, Asks("change how a person signs in")),
    Action.ACCOUNT_CONFIRMED: Rule(Permission.MANAGE, Asks("confirm a suspended person")),
    Action.APP_CREATED: Rule(Who.OPERATOR, Asks("create an app, whose secrets you can then read")),
    Action.APP_CHANGED: Rule(
        Permission.MANAGE,
        Asks("change where the app's secrets are read from", only_if="the path profile changes"),
    ),
    Action.APP_IMPORTED: Rule(Who.OPERATOR, Asks("import apps, whose secrets you can then read")),
    Action.APP_CONNECTED: Rule(
        Who.OPERATOR, Asks("connect the app, whose branches Amplify then decides")
    ),
    Action.APP_DISCONNECTED: Rule(
        Who.OPERATOR, AsksNot("Everything stays as it is, and connecting again asks.")
    ),
    Action.STEPS_HIDDEN: Rule(Permission.MANAGE, AsksNot("It hides a list on a page.")),
    Action.HOSTING_CLAIMED: Rule(
        Who.OPERATOR,
        Asks("claim a self-managed hosting project, whose values the app's members can then use"),
    ),
    Action.HOSTING_RELEASED: Rule(Who.OPERATOR, _TAKES_AWAY),
    Action.BRANCH_ADDED: Rule(
        Permission.MANAGE,
        Asks("add a branch without protection", only_if="the branch is not protected"),
    ),
    Action.BRANCH_CHANGED: Rule(
        Permission.MANAGE,
        Asks("lift the protection of a branch", only_if="the branch loses its protection"),
    ),
    Action.BRANCH_DELETED: Rule(
        Permission.MANAGE, AsksNot("A deleted branch and All branches stay as protected as before.")
    ),
    Action.PREVIEWS_CHANGED: Rule(
        Permission.MANAGE,
        AsksNot("It copies nothing. Copying a value needs the permission to reveal it."),
    ),
    Action.MEMBER_SET: Rule(Permission.MANAGE, Asks("change a role")),
    Action.MEMBER_SET_BY_OPERATOR: Rule(Who.OPERATOR, Asks("change a role")),
    Action.MEMBER_REMOVED: Rule(Who.OWNER_OR_OPERATOR, _TAKES_AWAY),
    Action.MEMBER_INVITED: Rule(Permission.MANAGE, Asks("invite someone")),
    Action.MEMBER_UNINVITED: Rule(Who.OWNER_OR_OPERATOR, _TAKES_AWAY),
    Action.MEMBER_JOINED: Rule(
        Who.LINK, AsksNot("The owner was asked, and the link works for one address only.")
    ),
    Action.GROUP_CHANGED: Rule(Who.OPERATOR, Asks("change who is in a group")),
    Action.GROUP_DELETED: Rule(Who.OPERATOR, Asks("delete a group")),
    Action.SECRET_CREATED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.SECRET_CHANGED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.SECRET_REMOVED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.MIRROR_REPAIRED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.SECRET_ENCRYPTED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.PARAMETER_REMOVED: Rule(Permission.MANAGE, _SHOWS_NOTHING),
    Action.PARAMETER_RESTORED: Rule(Permission.MANAGE, _SHOWS_NOTHING),
    # On All branches: nobody knows what the values of Amplify Gen 1 open
    Action.PARAMETER_READ: Rule(Permission.REVEAL, Asks("import values of Amplify Gen 1")),
    Action.BIN_FILLED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.BIN_RESTORED: Rule(
        Permission.WRITE,
        Asks(
            "restore a protected value to another branch",
            only_if="a secret of a protected branch is restored to another one",
        ),
    ),
    Action.BIN_DELETED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.BIN_PURGED: Rule(Who.CONSOLE, _SHOWS_NOTHING),
    Action.SECRET_REVEALED: Rule(Permission.REVEAL, _REVEALS),
    Action.SECRET_COMPARED: Rule(
        Permission.REVEAL,
        Asks("compare protected values", only_if="a protected branch has or inherits the value"),
    ),
    Action.SECRET_CHECKED: Rule(
        Permission.REVEAL,
        Asks("check protected values", only_if="a protected branch has or inherits the value"),
    ),
    Action.VERSION_RESTORED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.SECRET_ROTATED: Rule(Who.OWNER_OR_OPERATOR, _SHOWS_NOTHING),
    Action.EXPOSURE_EXPORTED: Rule(
        Who.OWNER_OR_OPERATOR, Asks("export the secrets that a person knows")
    ),
    Action.HOSTING_SECRET_CREATED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.HOSTING_SECRET_CHANGED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.HOSTING_SECRET_REMOVED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.HOSTING_SECRET_RESTORED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.HOSTING_SECRET_REVEALED: Rule(Permission.REVEAL, _REVEALS),
    Action.HOSTING_CONFIG_CREATED: Rule(Permission.WRITE, _PLAIN),
    Action.HOSTING_CONFIG_CHANGED: Rule(Permission.WRITE, _PLAIN),
    Action.HOSTING_CONFIG_REMOVED: Rule(Permission.WRITE, _PLAIN),
    Action.HOSTING_CONFIG_REVEALED: Rule(Permission.REVEAL, _REVEALS),
    Action.VARIABLE_CREATED: Rule(Permission.WRITE, _PLAIN),
    Action.VARIABLE_CHANGED: Rule(Permission.WRITE, _PLAIN),
    Action.VARIABLE_RENAMED: Rule(Permission.WRITE, _PLAIN),
    Action.VARIABLE_REMOVED: Rule(Permission.WRITE, _PLAIN),
    Action.VARIABLE_MOVED: Rule(Permission.WRITE, _PLAIN),
    Action.NOTE_CHANGED: Rule(Who.WRITER, _SHOWS_NOTHING),
    Action.NOTE_ERASED: Rule(Who.WRITER, _SHOWS_NOTHING),
    # On All branches: people who may reveal every value learn nothing from a check
    Action.TYPE_CHANGED: Rule(Permission.REVEAL, _SHOWS_NOTHING),
    Action.WARNING_DISMISSED: Rule(Who.WRITER, _SHOWS_NOTHING),
    Action.WARNING_SHOWN: Rule(Who.WRITER, _SHOWS_NOTHING),
    Action.CHANGES_UNDONE: Rule(
        Permission.WRITE, AsksNot("Each change that it takes back asks for what that act asks for.")
    ),
    Action.BUILD_CHANGED: Rule(Permission.WRITE, _PLAIN),
    Action.BUILD_REMOVED: Rule(Permission.WRITE, _PLAIN),
    Action.DEPLOYMENT_STARTED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.DEPLOYMENT_STOPPED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.ENVIRONMENT_RUN: Rule(Who.MACHINE, _AT_THE_MACHINE),
    Action.FOUND_ADDED: Rule(Who.CONSOLE, _OBSERVED),
    Action.FOUND_CHANGED: Rule(Who.CONSOLE, _OBSERVED),
    Action.FOUND_REMOVED: Rule(Who.CONSOLE, _OBSERVED),
    Action.FOUND_ALL: Rule(Who.CONSOLE, _OBSERVED),
    Action.DRIFT_TAKEN: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.DRIFT_IGNORED: Rule(Permission.WRITE, _SHOWS_NOTHING),
    Action.FOUND_BRANCH_ADDED: Rule(Who.CONSOLE, _OBSERVED),
    Action.FOUND_BRANCH_CHANGED: Rule(Who.CONSOLE, _OBSERVED),
    Action.FOUND_BRANCH_DELETED: Rule(Who.CONSOLE, _OBSERVED),
    Action.FOUND_VARIABLE: Rule(Who.CONSOLE, _OBSERVED),
    Action.FOUND_VARIABLES: Rule(Who.CONSOLE, _OBSERVED),
    Action.FOUND_BUILD: Rule(Who.CONSOLE, _OBSERVED),
    Action.VARIABLE_PUSHED: Rule(Permission.WRITE, _PLAIN),
    Action.VARIABLE_KEPT: Rule(Permission.WRITE, _PLAIN),
    Action.BUILD_PUSHED: Rule(Permission.WRITE, _PLAIN),
    Action.BUILD_KEPT: Rule(Permission.WRITE, _PLAIN),
    Action.REQUEST_REFUSED: Rule(Who.CONSOLE, _OBSERVED),
    Action.AUDIT_EXPORTED: Rule(Permission.VIEW, Asks("export the activity")),
    Action.NOTICES_CHOSEN: Rule(
        Permission.VIEW, AsksNot("Mails go to the account's own address and hold no value.")
    ),
    Action.STORE_PROBED: Rule(
        Who.OPERATOR, AsksNot("It writes and removes a parameter of its own, and shows no value.")
    ),
    Action.BACKUP_MADE: Rule(Who.MACHINE, _AT_THE_MACHINE),
    Action.BACKUP_RESTORED: Rule(Who.MACHINE, _AT_THE_MACHINE),
    Action.KEYS_ROTATED: Rule(Who.MACHINE, _AT_THE_MACHINE),
}
# Every form of the admin, whatever it does
ADMIN = Asks("change something as an operator")

# Kinds of actors that can't be asked. Any other kind, such as a token, has to prove when it was.
EXEMPT_KINDS = {
    "command": "An operator at the machine, who could change the database directly (ADR 0019).",
    "console": "Branchkeep itself, or a signed claim of the OpenID provider.",
}
_ON_A_SCOPE = {Permission.WRITE, Permission.REVEAL}
# Changing how one signs in asks for re-authentication even if the setting is 0.
_DEFAULT_WINDOW = timedelta(minutes=15)


class ConfirmationRequired(PermissionDenied):
    """The actor may do this, but has to re-authenticate first. `to` says what they were doing."""

    def __init__(self, to: str) -> None:
        self.to = to
        super().__init__(f"Confirm your identity to {to}. Nothing was done yet.")


def require(access: Access, action: Action, branch: Branch | None = None) -> None:
    """Raise PermissionDenied unless the actor has the act's permission in the app.

    `branch` None is All branches; it only matters to acts on values.
    """
    permission = RULES[action].who
    if not isinstance(permission, Permission):
        raise TypeError(f"{action} needs no permission of an app.")
    if permission in _ON_A_SCOPE:
        access.require_on(permission, branch)
    else:
        access.require(permission)


def require_recent(actor: Actor, asks: Asks | Action) -> None:
    """Raise ConfirmationRequired unless the actor authenticated recently enough for this.

    Passes for acts that ask for nothing, and with REAUTHENTICATE_MINUTES at 0.
    """
    asked = RULES[asks].reauthentication if isinstance(asks, Action) else asks
    if not isinstance(asked, Asks) or not settings.REAUTHENTICATE or actor.kind in EXEMPT_KINDS:
        return
    if not is_recent(actor.confirmed_at):
        raise ConfirmationRequired(asked.to)


def require_recent_always(actor: Actor, action: Action) -> None:
    """Raise ConfirmationRequired as `require_recent` does, but only if the act always asks."""
    asked = RULES[action].reauthentication
    if isinstance(asked, Asks) and not asked.only_if:
        require_recent(actor, asked)


def is_recent(at: float) -> bool:
    """Return True if an authentication at `at` (seconds since 1970) is recent enough.

    A time too far ahead isn't: the clock was set back, and nobody knows when it really was.
    """
    window = settings.REAUTHENTICATE or _DEFAULT_WINDOW
    return is_within(window.total_seconds(), time.time() - at)
