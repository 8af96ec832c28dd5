"""Notes and labels of keys: plain text that every member of the app reads, never a value."""

from typing import ClassVar

from django.db import models
from django.db.models import Q, UniqueConstraint


class KeyNote(models.Model):
    """A version of a key's note and labels, which all secrets and variables of that key share.

    Versions don't change; the `current` one counts. `labels` are separated by spaces, with one
    before the first and after the last, so that " payments " finds a whole label. "" is none.
    """

    app = models.ForeignKey("console.App", models.CASCADE, related_name="key_notes")
    key = models.CharField(max_length=1011)
    version = models.PositiveIntegerField()
    note = models.TextField(blank=True)
    labels = models.CharField(max_length=500, blank=True)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=254)
    current = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-version"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "key", "version"], name="one_note_per_version"),
            UniqueConstraint(
                fields=["app", "key"], condition=Q(current=True), name="one_current_note"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}, version {self.version}"

    @property
    def label_list(self) -> list[str]:
        """Return the labels in order."""
        return self.labels.split()
