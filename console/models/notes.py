"""Notes, labels and types of keys: what every member of the app reads of them, never a value."""

from typing import ClassVar

from django.db import models
from django.db.models import Q, UniqueConstraint

from console.lib.value_types.kinds import Kind
from console.lib.value_types.types import ValueType


class KeyNote(models.Model):
    """A version of what is known about a key: all its secrets and variables share it.

    Versions don't change; the `current` one counts. `labels` are separated by spaces, with one
    before the first and after the last, so that " payments " finds a whole label. "" is none.
    `kind` and `rule` are those of a `ValueType`, "" for none.
    """

    app = models.ForeignKey("console.App", models.CASCADE, related_name="key_notes")
    key = models.CharField(max_length=1011)
    version = models.PositiveIntegerField()
    note = models.TextField(blank=True)
    labels = models.CharField(max_length=500, blank=True)
    kind = models.CharField(max_length=20, blank=True)
    rule = models.TextField(blank=True)
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

    @property
    def value_type(self) -> ValueType | None:
        """Return the type, None for a key without one."""
        return ValueType(Kind(self.kind), self.rule) if self.kind in {*Kind} else None
