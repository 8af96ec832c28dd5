"""What members chose to be mailed about, and the mails that wait. Never a value."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import UniqueConstraint


class Kind(models.TextChoices):
    """Kinds of events that members can be mailed about (console/notifications/outbox.py)."""

    GUARDED_CHANGE = "guarded-change", "A protected secret is added, changed or removed"
    GUARDED_REVEAL = "guarded-reveal", "Somebody reveals a protected secret"
    REVEAL = "reveal", "Somebody reveals a secret, on any branch"
    RIGHTS = "rights", "Members, groups, branches or their protection change"


class Subscription(models.Model):
    """One kind of event that somebody chose in one app. His way in may be his own or a group's."""

    app = models.ForeignKey("console.App", models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "user", "kind"], name="one_choice_per_kind")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind}"


class Notice(models.Model):
    """An entry of the audit trail that somebody is to be mailed about; once he is, it is gone.

    `due_at` is the next try. Whoever takes it puts that off, and writes `claim`.
    """

    app = models.ForeignKey("console.App", models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    outcome = models.ForeignKey(
        "console.AuditOutcome", models.DO_NOTHING, related_name="+", db_constraint=False
    )
    at = models.DateTimeField()
    due_at = models.DateTimeField(db_index=True)
    claim = models.UUIDField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["user", "outcome"], name="one_notice_per_outcome")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.outcome_id}"


class NoticesRead(models.Model):
    """How far the trail was read for notices: one row, with the number of a seal."""

    seal = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.seal)
