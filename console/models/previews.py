"""Preview rules: which branches take from another branch what they don't have themselves."""

from typing import ClassVar

from django.db import models
from django.db.models import UniqueConstraint

from console.lib.naming.names import BRANCH_NAME_LIMIT
from console.models.apps import App, Branch


class PreviewRule(models.Model):
    """Branches that match a pattern take from `source` what they don't have.

    The first rule that matches a branch decides (console/catalog/previews.py).
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
