"""How full the parameter store is, and which operations work, without a call to it.

Permissions are inferred from recent calls (docs/adr/0029-health-is-inferred-from-calls.md).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Length

from console.models import App
from secrets_app.models import BinEntry, EmbeddedParameter, EmbeddedVersion, Secret
from secrets_app.ops import call_stats
from secrets_app.store.limits import VERSIONS_KEPT

MAX_PARAMETERS = 10_000  # AWS's limit of standard parameters per account and region
MANY_PARAMETERS = MAX_PARAMETERS * 8 // 10
MANY_VERSIONS = VERSIONS_KEPT - 10
MAX_ROWS = 50  # per list

# Operation: its label and the IAM permission that it needs.
OPERATIONS = {
    "ping": ("Check that the store answers", "ssm:DescribeParameters"),
    "list": ("List names and versions", "ssm:DescribeParameters"),
    "current": ("Look up versions", "ssm:GetParameters"),
    "read": ("Read values", "ssm:GetParameters"),
    "versions": ("List older versions", "ssm:GetParameterHistory"),
    "read_version": ("Read older values", "ssm:GetParameters"),
    "put": ("Write values", "ssm:PutParameter"),
    "remove": ("Remove", "ssm:DeleteParameters"),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation's calls within the last day. `problem` is the outcome of the last failure."""

    label: str
    right: str
    worked: datetime | None
    failed: datetime | None
    problem: str

    @property
    def state(self) -> str:
        """Return "works", "refused" (a permission is missing), "failing", or "" if unknown."""
        if self.failed and (self.worked is None or self.worked < self.failed):
            return "refused" if self.problem == "AccessDenied" else "failing"
        return "works" if self.worked else ""


# These errors are about the request, and show that the store and our permissions are fine.
SUCCESSFUL_OUTCOMES = {"ok", "AlreadyExists", "NotFound", "Rejected"}


def operations() -> list[Operation]:
    """Return all operations of the store with the results of their last calls."""
    last = call_stats.last_outcomes()
    return [_operation(name, *label, last) for name, label in OPERATIONS.items()]


def _operation(
    name: str, label: str, right: str, last: dict[tuple[str, str], datetime]
) -> Operation:
    outcomes = sorted(
        (at, outcome) for (operation, outcome), at in last.items() if operation == name
    )
    worked = max((at for at, outcome in outcomes if outcome in SUCCESSFUL_OUTCOMES), default=None)
    failed, problem = next(
        (it for it in reversed(outcomes) if it[1] not in SUCCESSFUL_OUTCOMES), (None, "")
    )
    return Operation(label, right, worked, failed, problem)


def parameters() -> list[dict[str, Any]]:
    """Return the apps with their number of parameters, including mirrors, the largest first.

    `in_bin` is how many of them are copies in the recycle bin.
    """
    # A secret with a mirror takes two parameters.
    per_secret = _one_if_present("secrets__version") + _one_if_present("secrets__mirror_version")
    copies = dict(BinEntry.objects.values_list("app_id").annotate(Count("pk")).order_by())
    rows = [
        {
            "app_id": app.app_id,
            "name": app.name,
            "number": (app.number or 0) + copies.get(app.pk, 0),
            "in_bin": copies.get(app.pk, 0),
        }
        for app in App.objects.annotate(number=Sum(per_secret))
    ]
    return sorted(
        (row for row in rows if row["number"]), key=lambda row: (-row["number"], row["name"])
    )


def _one_if_present(field: str) -> Case:
    number = IntegerField()
    return Case(When(**{f"{field}__gt": 0}, then=Value(1)), default=Value(0), output_field=number)


def many_versions() -> QuerySet[Secret]:
    """Return the secrets whose parameters are close to or beyond VERSIONS_KEPT."""
    near = Q(version__gte=MANY_VERSIONS) | Q(mirror_version__gte=MANY_VERSIONS)
    rows = Secret.objects.filter(near).select_related("app", "branch")
    return rows.order_by(F("version").desc(), "key")


def embedded_size() -> dict[str, int]:
    """Return the number of the embedded store's parameters, versions, and bytes of ciphertext."""
    versions = EmbeddedVersion.objects.aggregate(
        number=Count("pk"), size=Sum(Length("ciphertext"), default=0)
    )
    return {
        "parameters": EmbeddedParameter.objects.count(),
        "versions": versions["number"],
        "size": versions["size"],
    }
