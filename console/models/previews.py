"""Preview rules, and the marks of what was copied because of them. No value is in these tables."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import UniqueConstraint

from console.lib.naming.names import BRANCH_NAME_LIMIT
from console.models.apps import App, Branch


class PreviewRule(models.Model):
    """Branches that match a pattern take from `source` what they don't have.

    Only the first rule that matches a branch applies (console/catalog/previews.py).
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="preview_rules")
    position = models.PositiveIntegerField()
    pattern = models.CharField(max_length=BRANCH_NAME_LIMIT)
    source = models.ForeignKey(Branch, models.CASCADE, related_name="+")

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "pattern"], name="one_rule_per_pattern")
        ]

    def __str__(self) -> str:
        return self.pattern


class PreviewCopy(models.Model):
    """A mark: a value of the preview `branch` is a copy of the value of its `source`.

    `source_*` identify the state of the value that was copied, and `copy_*` that of the copy: null
    until it is known that it was written. `retry_at` is when the background next tries to remove
    the copy of a deleted branch. What a mark means is in console/workflows/previews.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="+")
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="preview_copies")
    source = models.ForeignKey(Branch, models.CASCADE, related_name="+")
    noun = models.CharField(max_length=20)
    key = models.CharField(max_length=1011)
    source_pk = models.BigIntegerField()
    source_version = models.PositiveIntegerField()
    source_at = models.DateTimeField(null=True)
    copy_pk = models.BigIntegerField(null=True)
    copy_version = models.PositiveIntegerField(null=True)
    copy_at = models.DateTimeField(null=True)
    change_set = models.UUIDField()
    at = models.DateTimeField()
    retry_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return self.key

    @property
    def source_stamp(self) -> tuple[int, int, datetime | None]:
        """Return what identifies the state of the source's value."""
        return self.source_pk, self.source_version, self.source_at
