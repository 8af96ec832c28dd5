"""Tables of variables and build specifications, with all their versions. They hold no secrets.

For connected apps, what Amplify held of them when it was last read, and what waits to be pushed.

Removing keeps the row for as long as it is in the recycle bin. A variable that is added again under
the same key is a new row.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q, UniqueConstraint

from console.models import App, Branch
from envvars_app.formats.validation import KEY_LIMIT


class Variable(models.Model):
    """An environment variable. `branch` None is All branches.

    `version` counts every write, including renames and the removal. A removed one is in the recycle
    bin until `expires_at`. That is null if it was restored, or its values were erased: then the row
    is only history.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="variables")
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="variables")
    key = models.CharField(max_length=KEY_LIMIT)
    value = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=254)
    removed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, db_index=True)

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


class SyncState(models.TextChoices):
    """How a value here compares with what Amplify holds.

    PENDING waits to be pushed. CONFLICT waits too, but somebody changed it in Amplify. DRIFT
    differs, and nobody saved it here since.
    """

    SAME = "", "Synchronized"
    PENDING = "pending", "Pending"
    CONFLICT = "conflict", "Conflict"
    DRIFT = "drift", "Changed in Amplify"


class SyncedScope(models.Model):
    """A scope of a connected app. `branch` None is All branches: the app itself in Amplify.

    `read_at` is when the newest read began that this database knows of, None before the first one.
    `push_id` and `held_until` are the lease of a push. `problem` says why the last push
    failed, empty if it went through. `auto_branch` are the variables that Amplify gives to branches
    that it creates; only the app has some. `attempted_at` is when a push last began.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="synced_scopes")
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="synced_scopes")
    read_at = models.DateTimeField(null=True)
    push_id = models.UUIDField(null=True)
    held_until = models.DateTimeField(null=True)
    attempted_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    auto_branch = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "branch"], name="one_synced_scope_per_branch"),
            UniqueConstraint(
                fields=["app"], condition=Q(branch=None), name="one_synced_scope_for_all_branches"
            ),
        ]

    def __str__(self) -> str:
        return f"scope {self.pk}"


class Synced(models.Model):
    """What both sides agreed on last, what Amplify holds, and who saved what waits to be pushed.

    None in `synced` and `held` means that there was no value. `seen_at` is when a difference was
    first seen. `event_id` is the audit event of a push that has no outcome yet, and `sent` the
    value that it was to bring. `problem` is why a push left this one out.
    """

    scope: models.ForeignKey["SyncedScope"]  # a field of each subclass

    synced = models.TextField(null=True)  # noqa: DJ001 - an empty value is a value
    held = models.TextField(null=True)  # noqa: DJ001 - an empty value is a value
    state = models.CharField(
        max_length=10, choices=SyncState.choices, default=SyncState.SAME, blank=True
    )
    seen_at = models.DateTimeField(null=True)
    pending_at = models.DateTimeField(null=True)
    pending_by = models.CharField(max_length=254, blank=True)
    pending_user = models.BigIntegerField(null=True)
    change_set = models.UUIDField(null=True)
    event_id = models.BigIntegerField(null=True)
    sent = models.TextField(null=True)  # noqa: DJ001 - an empty value is a value
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    @property
    def is_pending(self) -> bool:
        """Return True if somebody saved it here and it has not reached Amplify."""
        return self.pending_at is not None


class SyncedVariable(Synced):
    """A variable of a connected app, here or in Amplify.

    The values of one that was moved to the secrets are erased: then `is_moved` is True, and
    `digests` recognize the value in Amplify until it is removed there.
    """

    scope = models.ForeignKey(SyncedScope, models.CASCADE, related_name="variables")
    key = models.CharField(max_length=KEY_LIMIT)
    is_moved = models.BooleanField(default=False)
    digests = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["scope", "key"], name="one_synced_variable_per_key")
        ]

    def __str__(self) -> str:
        return self.key


class SyncedBuildSpec(Synced):
    """The build specification of a scope, here or in Amplify."""

    scope = models.OneToOneField(SyncedScope, models.CASCADE, related_name="build_spec")

    def __str__(self) -> str:
        return "amplify.yml"


class MapVersion(models.Model):
    """The variables that a scope had in Amplify before a push, without any moved to the secrets."""

    scope = models.ForeignKey(SyncedScope, models.CASCADE, related_name="versions")
    at = models.DateTimeField()
    variables = models.JSONField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"map {self.pk}"
