"""A projection of the store's listing (never a value), and the embedded store's tables."""

from typing import ClassVar

from django.db import models
from django.db.models import Q, UniqueConstraint

from console.models import App, AuditEvent, Branch
from secrets_app import revisions


class Secret(models.Model):
    """What is known of a secret without asking the store. No branch means All branches.

    `version` is the primary path's, 0 where nothing stands there; `mirror_version` the mirror's,
    and `mirror_of` the primary version whose value the mirror is known to hold. A row with both
    versions 0 is a creation under way, or gone.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="secrets")
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="secrets")
    key = models.CharField(max_length=1011)
    version = models.PositiveIntegerField(default=0)
    mirror_version = models.PositiveIntegerField(default=0)
    mirror_of = models.PositiveIntegerField(default=0)
    # The store's own times: a parameter that was removed and created anew may have its version
    # again. Null from a write to the next check.
    modified = models.DateTimeField(null=True)
    mirror_modified = models.DateTimeField(null=True)
    # When it answered our last write, by its own clock. Null where that is not known.
    answered_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    changed_by = models.CharField(max_length=254, blank=True)  # "" is: outside the console
    gone_at = models.DateTimeField(null=True)  # when it was found removed outside the console
    first_seen = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(
        db_index=True
    )  # when this row last came to show something else
    claim = models.ForeignKey(
        AuditEvent, models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "branch", "key"], name="one_secret_per_branch"),
            UniqueConstraint(
                fields=["app", "key"], condition=Q(branch=None), name="one_secret_for_all_branches"
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def base(self) -> str:
        """What a form says that it shows; `forms` reads it."""
        return revisions.base(self.version, self.modified, self.changed_at)


class Revalidation(models.Model):
    """When an app's projection was last held against the store, and how that ended."""

    app = models.OneToOneField(App, models.CASCADE, primary_key=True)
    started_at = models.DateTimeField()
    agreed_at = models.DateTimeField(null=True)
    path_profile = models.CharField(max_length=10, blank=True)  # the app's at that time
    problem = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.app_id} {self.started_at}"


class CallMinute(models.Model):
    """How often the store was called in a minute, by all processes: an operation and how it ended.

    `outcome` is "ok" or the name of the error's class; `throttles` counts refused attempts.
    """

    minute = models.DateTimeField()
    operation = models.CharField(max_length=20)
    outcome = models.CharField(max_length=30)
    calls = models.PositiveIntegerField()
    throttles = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["minute", "operation", "outcome"], name="one_row_per_minute")
        ]

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} {self.operation} {self.outcome}"


class EmbeddedParameter(models.Model):
    """The embedded store: a path and its current version."""

    path = models.CharField(max_length=1011, unique=True)
    version = models.PositiveIntegerField()
    modified = models.DateTimeField()

    def __str__(self) -> str:
        return self.path


class EmbeddedVersion(models.Model):
    """The embedded store: one version's ciphertext, bound to its path and version."""

    parameter = models.ForeignKey(EmbeddedParameter, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    key_id = models.CharField(max_length=16)
    nonce = models.BinaryField(max_length=12)
    ciphertext = models.BinaryField()
    modified = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["parameter", "version"], name="one_row_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.parameter_id} v{self.version}"
