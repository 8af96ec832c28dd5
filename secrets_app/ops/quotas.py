"""How full the parameter store is, and what it lets us do, by what the console knows: no call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Length

from console.models import App
from secrets_app.models import EmbeddedParameter, EmbeddedVersion, Secret
from secrets_app.ops import call_stats
from secrets_app.store.limits import VERSIONS_KEPT

PARAMETERS = 10_000  # AWS: standard parameters an account has in a region
NEARLY_ALL = PARAMETERS * 8 // 10
NEAR = VERSIONS_KEPT - 10
SHOWN = 50  # rows of a list

# Operation: what people call it, and the right that AWS wants for it
OPERATIONS = {
    "ping": ("Check that the store answers", "ssm:DescribeParameters"),
    "list": ("List names and versions", "ssm:DescribeParameters"),
    "current": ("Look up versions", "ssm:GetParameters"),
    "read": ("Read values", "ssm:GetParameters"),
    "put": ("Write values", "ssm:PutParameter"),
    "remove": ("Remove", "ssm:DeleteParameters"),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of an operation within the last day; `problem` is the newest failure's kind."""

    words: str
    right: str
    worked: datetime | None
    failed: datetime | None
    problem: str

    @property
    def state(self) -> str:
        """Return "works", "refused" (it lacks a right), "failing", or "" where nobody knows."""
        if self.failed and (self.worked is None or self.worked < self.failed):
            return "refused" if self.problem == "AccessDenied" else "failing"
        return "works" if self.worked else ""


# An answer that says no for good reason shows that the store and our rights to it are well
ANSWERS = {"ok", "AlreadyExists", "NotFound", "Rejected"}


def operations() -> list[Operation]:
    """Return every operation of the store's with what its last calls showed."""
    seen = call_stats.last_seen()
    return [_operation(name, *words, seen) for name, words in OPERATIONS.items()]


def _operation(
    name: str, words: str, right: str, seen: dict[tuple[str, str], datetime]
) -> Operation:
    ends = sorted((at, outcome) for (operation, outcome), at in seen.items() if operation == name)
    worked = max((at for at, outcome in ends if outcome in ANSWERS), default=None)
    failed, problem = next((it for it in reversed(ends) if it[1] not in ANSWERS), (None, ""))
    return Operation(words, right, worked, failed, problem)


def parameters() -> list[dict[str, Any]]:
    """Return each app with the number of its parameters, mirrors too; the most first."""
    there = _one("secrets__version") + _one("secrets__mirror_version")
    apps = App.objects.annotate(number=Sum(there)).filter(number__gt=0)
    rows = apps.order_by("-number", "name").values("app_id", "name", "number")
    return [dict(row) for row in rows]


def _one(field: str) -> Case:
    number = IntegerField()
    return Case(When(**{f"{field}__gt": 0}, then=Value(1)), default=Value(0), output_field=number)


def many_versions() -> QuerySet[Secret]:
    """Return the secrets whose parameters have nearly as many versions as are kept, or more."""
    near = Q(version__gte=NEAR) | Q(mirror_version__gte=NEAR)
    rows = Secret.objects.filter(near).select_related("app", "branch")
    return rows.order_by(F("version").desc(), "key")


def embedded_size() -> dict[str, int]:
    """Return the embedded store's parameters, versions, and bytes of ciphertext."""
    versions = EmbeddedVersion.objects.aggregate(
        number=Count("pk"), size=Sum(Length("ciphertext"), default=0)
    )
    return {
        "parameters": EmbeddedParameter.objects.count(),
        "versions": versions["number"],
        "size": versions["size"],
    }
