"""Variables and build specifications, each with all its versions. Plain configuration: no secret.

What is removed keeps its row, so that its history stays and it can be restored. What is added
under the same name afterwards is a row of its own.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q, UniqueConstraint

from console.models import App, Branch
from envvars_app.formats.validation import KEY_LIMIT


class Variable(models.Model):
    """An environment variable. No branch means All branches.

    `version` counts every write, a rename and the removal too.
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
    """What a variable was from a write to the next. No value means that it was removed."""

    variable = models.ForeignKey(Variable, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    key = models.CharField(max_length=KEY_LIMIT)
    value = models.TextField(null=True)  # noqa: DJ001 - an empty value is a value
    forgotten = models.BooleanField(default=False)  # its value was moved to the secrets
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
    """An app's build specification (amplify.yml), or a branch's own. No branch is All branches."""

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
    """What a build specification was from a write to the next. No text means: removed."""

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
