"""Tables of variables and build specifications, with all their versions. They hold no secrets.

Removing keeps the row, so that the history stays and restoring works. A variable that is added
again under the same key is a new row.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q, UniqueConstraint

from console.models import App, Branch
from envvars_app.formats.validation import KEY_LIMIT


class Variable(models.Model):
    """An environment variable. `branch` None is All branches.

    `version` counts every write, including renames and the removal.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="variables")
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="variables")
    key = models.CharField(max_length=KEY_LIMIT)
    value = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=254)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Two constraints, because NULLs (All branches) never conflict in the first one.
            UniqueConstraint(
                fields=["app", "branch", "key"],
                condition=Q(removed_at=None),
                name="one_variable_per_branch",
            ),
            UniqueConstraint(
                fields=["app", "key"],
                condition=Q(removed_at=None, branch=None),
                name="one_variable_for_all_branches",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class VariableVersion(models.Model):
    """One version of a variable. `value` None is a removal."""

    variable = models.ForeignKey(Variable, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    key = models.CharField(max_length=KEY_LIMIT)
    value = models.TextField(null=True)  # noqa: DJ001 - an empty value is a value
    forgotten = models.BooleanField(default=False)  # erased, because it turned out to be a secret
    note = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=254)
    change_set = models.UUIDField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-version"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["variable", "version"], name="one_row_per_variable_version")
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class BuildSpec(models.Model):
    """A build specification (amplify.yml). `branch` None is All branches."""

    app = models.ForeignKey(App, models.CASCADE, related_name="build_specs")
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="build_specs")
    text = models.TextField()
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=254)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "branch"], name="one_build_spec_per_branch"),
            UniqueConstraint(
                fields=["app"], condition=Q(branch=None), name="one_build_spec_for_all_branches"
            ),
        ]

    def __str__(self) -> str:
        return f"amplify.yml v{self.version}"


class BuildSpecVersion(models.Model):
    """One version of a build specification. `text` None is a removal."""

    build_spec = models.ForeignKey(BuildSpec, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    text = models.TextField(null=True)  # noqa: DJ001 - an empty text is not none
    at = models.DateTimeField()
    by = models.CharField(max_length=254)

    class Meta:
        ordering: ClassVar[list[str]] = ["-version"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(
                fields=["build_spec", "version"], name="one_row_per_build_spec_version"
            )
        ]

    def __str__(self) -> str:
        return f"amplify.yml v{self.version}"
