"""Warnings that somebody dismissed."""

from typing import ClassVar

from django.db import models
from django.db.models import UniqueConstraint


class DismissedWarning(models.Model):
    """Warnings of one kind on a key, or on the branch of that name, that are no longer shown.

    `about` says what they were about (`AppWarning.about`), separated by spaces. One that is
    about something else is shown again.
    """

    app = models.ForeignKey("console.App", models.CASCADE, related_name="dismissed_warnings")
    noun = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=1011)
    about = models.TextField()
    dismissed_at = models.DateTimeField()
    dismissed_by = models.CharField(max_length=254)

    class Meta:
        ordering: ClassVar[list[str]] = ["key", "kind"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(
                fields=["app", "noun", "kind", "key"], name="one_dismissal_per_warning"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.key}"
