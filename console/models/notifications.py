"""Notification settings of members, and queued mails. None holds a secret value."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import UniqueConstraint


class Kind(models.TextChoices):
    """Kinds of events that members can be mailed about (console/notifications/outbox.py)."""

    GUARDED_CHANGE = "guarded-change", "A protected secret is added, changed or removed"
    GUARDED_REVEAL = "guarded-reveal", "Someone reveals a protected secret"
    REVEAL = "reveal", "Someone reveals a secret on any branch"
    RIGHTS = "rights", "Members, groups, branches or their protection change"
    ACCOUNT = (
        "account",
        "How a member signs in changes, or an operator or single sign-on gives someone access",
    )


ON_BY_DEFAULT = frozenset({Kind.ACCOUNT})  # until a user turns them off


class Subscription(models.Model):
    """One kind of event in one app that a user is mailed about, or has turned off.

    Without a row, a user gets the kinds in ON_BY_DEFAULT. It belongs to the user rather than the
    member, because access may come through a group.
    """

    app = models.ForeignKey("console.App", models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    wanted = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "user", "kind"], name="one_choice_per_kind")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind}"


class Notice(models.Model):
    """An audit outcome that is queued for a mail to one user. The row is deleted when it is sent.

    `due_at` is the time of the next attempt. A process claims the row by postponing `due_at` and
    writing `claim`.
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
    """The number of the last chain link that was read for notifications. There is only one row."""

    seal = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.seal)
