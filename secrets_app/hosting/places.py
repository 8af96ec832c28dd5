"""Where a value of self-managed hosting is: its kind, stage and key, and who may use it there."""

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from console.access.policy import Access
from console.audit.events import Target
from console.lib.naming.names import ALL_BRANCHES
from console.lib.text.remarks import Remarks
from console.models import Branch, scope_name
from secrets_app.hosting_paths import (
    DEFAULT_PROJECT,
    HostingConfig,
    HostingScope,
    HostingSecrets,
    hosting_folder,
    hosting_name,
)
from secrets_app.paths import InvalidPath
from secrets_app.store import hosting_secret_store, parameter_store
from secrets_app.store.errors import Misconfigured, Rejected
from secrets_app.store.limits import SECRET_LIMIT, VALUE_LIMIT
from secrets_app.store.named_values import NamedValues
from secrets_app.store.plain_parameters import PlainParameters

NO_PROJECT = (
    "This app has no self-managed hosting project. Ask an operator who owns the app to set one."
)
NEEDS_AWS = (
    "Self-managed hosting keeps its values in AWS, and this deployment uses the embedded store. "
    "Ask an operator to set PARAMETER_STORE=ssm."
)


class Kind(StrEnum):
    """The two kinds of values."""

    SECRET = "secret"  # noqa: S105 - a kind, not a password
    CONFIG = "config"


REMARKS = {
    Kind.SECRET: Remarks(SECRET_LIMIT, "bytes", is_confidential=True),
    Kind.CONFIG: Remarks(VALUE_LIMIT, "bytes", is_confidential=False),
}


@dataclass(frozen=True)
class Place:
    """A key in a stage of a project; "" is the stage of shared values."""

    kind: Kind
    stage: str
    key: str

    def scope(self, project: str) -> HostingScope:
        """Return the place's scope in a project."""
        scope = HostingSecrets if self.kind is Kind.SECRET else HostingConfig
        return scope(project, self.stage)


def require_project(access: Access) -> str:
    """Return the app's project. Raises Rejected if it has none."""
    if not access.app.hosting_project:
        raise Rejected(NO_PROJECT)
    return access.app.hosting_project


def check_place(access: Access, place: Place) -> None:
    """Raise Rejected for an invalid stage or key, which must not reach the audit trail either."""
    _name(place, access.app.hosting_project or DEFAULT_PROJECT)


def name_of(access: Access, place: Place) -> str:
    """Return a value's name in its store. Raises Rejected for an invalid stage or key."""
    return _name(place, require_project(access))


def _name(place: Place, project: str) -> str:
    try:
        return hosting_name(place.scope(project), place.key)
    except InvalidPath as refusal:
        raise Rejected(str(refusal)) from None


def shared_folder(access: Access, kind: Kind) -> str:
    """Return the folder of all values of one kind, in their store."""
    return hosting_folder(Place(kind, "", "").scope(require_project(access)))


def store_of(kind: Kind) -> NamedValues:
    """Return the store of one kind. Raises Misconfigured without AWS."""
    if settings.PARAMETER_STORE != "ssm":
        raise Misconfigured(NEEDS_AWS, code="NeedsAWS")
    return hosting_secret_store() if kind is Kind.SECRET else PlainParameters(parameter_store())


def branch_of(access: Access, stage: str) -> Branch | None:
    """Return the branch that decides who may use a stage's values; None is All branches.

    A stage without a branch of its name is protected if any branch is (ADR 0069).
    """
    if not stage:
        return None
    for branch in access.branches:
        if branch.name == stage:
            return branch
    # Never saved; with an id, because decisions look branches up.
    return Branch(pk=0, app=access.app, name=stage, protected=access.has_protected_branch)


def place_of(access: Access, kind: Kind, branch: str, subject: str) -> Place | None:
    """Return the place of an event's target; None if the project has no such valid place."""
    key, _, owner = subject.partition(" ")
    place = Place(kind, "" if branch == ALL_BRANCHES else branch, key)
    try:
        name_of(access, place)
    except Rejected:  # recorded when it was refused
        return None
    return place if f"{key} {owner}" == target_of(access, place).subject else None


def target_of(access: Access, place: Place) -> Target:
    """Return how the audit trail names a value. No secret of a branch can have this name."""
    scope = scope_name(branch_of(access, place.stage))
    words = f"{place.key} (hosting {place.kind} of {access.app.hosting_project})"
    return Target(access.app.app_id, scope, words)
