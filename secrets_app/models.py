"""Tables of the projection, which never hold a value, and of the embedded store."""

from enum import Enum, auto
from typing import ClassVar

from django.db import models
from django.db.models import Q, UniqueConstraint

from console.models import App, AuditEvent, Branch
from secrets_app import revisions


class LeaseStage(models.TextChoices):
    """How far the write that holds a row's lease has come."""

    TAKEN = "taken"  # the audit event is committed; the store has not been called
    CALLED = "called"  # the store is being called, or was when the process ended
    LOST = "lost"  # the response was lost: the outcome is unknown, and a request may still arrive
    # The outcome is recorded, and another request of it may still arrive:
    LATE = "late"  # for the primary, which was sent more than once, or for the mirror
    MIRROR = "mirror"  # for the mirror alone


ANSWERED = (LeaseStage.LATE, LeaseStage.MIRROR)


class Secret(models.Model):
    """A secret in the projection. `branch` None is All branches.

    `version` is the version at the primary path and `mirror_version` the one at the mirror, or 0 if
    there is no parameter. `mirror_of` is the primary version whose value the mirror is known to
    hold. A row with both versions 0 is being created, or is gone.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="secrets")
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="secrets")
    key = models.CharField(max_length=1011)
    version = models.PositiveIntegerField(default=0)
    mirror_version = models.PositiveIntegerField(default=0)
    mirror_of = models.PositiveIntegerField(default=0)
    # The store's modification times, because a re-created parameter can reuse a version. Null from
    # our own write until the next reconcile.
    modified = models.DateTimeField(null=True)
    mirror_modified = models.DateTimeField(null=True)
    # The store's time of its response to our last write. Null if unknown.
    answered_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    changed_by = models.CharField(max_length=254, blank=True)  # "" is outside Branchkeep
    gone_at = models.DateTimeField(null=True)  # when a removal outside Branchkeep was found
    # One of its parameters is a String, written outside Branchkeep. The store doesn't encrypt it.
    unencrypted = models.BooleanField(default=False)
    # Who wrote the primary's version, and the KMS keys that aren't the default one, as AWS names
    # them. "" if the last listing named none. Then which of the two is in SSM's Advanced tier.
    modified_by = models.CharField(max_length=2048, blank=True)
    key_id = models.CharField(max_length=2048, blank=True)
    mirror_key_id = models.CharField(max_length=2048, blank=True)
    advanced = models.BooleanField(default=False)
    mirror_advanced = models.BooleanField(default=False)
    first_seen = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(db_index=True)  # when this row last changed what it shows
    # The lease: the audit event of the write that holds it, and when it expires. Without a database
    # constraint, as on all references to the audit tables.
    claim = models.ForeignKey(
        AuditEvent, models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    claimed_until = models.DateTimeField(null=True)
    claim_stage = models.CharField(max_length=6, choices=LeaseStage, blank=True, default="")
    # When the background next tries to write the mirror, because our own write didn't get to it.
    # Null if there is nothing to do, or if only someone outside can have changed the mirror.
    mirror_due_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "branch", "key"], name="one_secret_per_branch"),
            UniqueConstraint(
                fields=["app", "key"], condition=Q(branch=None), name="one_secret_for_all_branches"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["app", "mirror_due_at"],
                condition=Q(mirror_due_at__isnull=False),
                name="unfinished_mirrors",
            )
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def base(self) -> str:
        """Return the row's version and revision as text, for a form's hidden field."""
        return revisions.base(self.version, self.modified, self.changed_at)


class BinState(models.TextChoices):
    """The state of an entry of the recycle bin. Pages show only those that are kept."""

    FILLING = "filling"  # a removal is copying the value there, or was when the process ended
    KEPT = "kept"
    RESTORING = "restoring"  # a restore is saving the value, or was when the process ended
    DELETING = "deleting"  # its copy is being deleted


class Copy(Enum):
    """Whether the store has the copy of a value."""

    NONE = auto()
    MADE = auto()
    UNKNOWN = auto()  # the response was lost


class BinEntry(models.Model):
    """A removed secret. Its value is in the store, in the recycle bin (`recycle_bin.path_of`).

    `version` and `modified` are those of what was removed; version 0 is a mirror without a secret.
    `scope` is the branch's name at that time. `removal` is the audit event of the removal, and
    `claim` that of what is being done with the entry, or was done last.

    A parameter that belonged to no known branch has a `folder`, and no branch. It goes back there.
    """

    copy = Copy.NONE  # during the removal

    app = models.ForeignKey(App, models.CASCADE, related_name="bin_entries")
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="bin_entries")
    scope = models.CharField(max_length=255)
    folder = models.CharField(max_length=1011, blank=True)
    key = models.CharField(max_length=1011)
    copy_id = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=9, choices=BinState, default=BinState.FILLING)
    version = models.PositiveIntegerField()
    modified = models.DateTimeField(null=True)
    key_id = models.CharField(max_length=2048, blank=True)  # the KMS key, "" for the default one
    advanced = models.BooleanField(default=False)
    removed_at = models.DateTimeField()
    removed_by = models.CharField(max_length=254)
    change_set = models.UUIDField(null=True)
    removal = models.ForeignKey(
        AuditEvent, models.DO_NOTHING, related_name="+", db_constraint=False
    )
    claim = models.ForeignKey(AuditEvent, models.DO_NOTHING, related_name="+", db_constraint=False)
    expires_at = models.DateTimeField(null=True, db_index=True)
    # When the background worker finishes it. Null while it is kept.
    due_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        verbose_name_plural = "bin entries"

    def __str__(self) -> str:
        return self.key

    @property
    def path(self) -> str:
        """Return the path of a parameter that belonged to no known branch, "" for a secret."""
        return f"{self.folder}/{self.key}" if self.folder else ""


class UnknownParameter(models.Model):
    """A parameter of an app that belongs to no known branch, as the last reconcile found it.

    `modified_by` is the principal that the store names, "" if it names none, `key_id` the KMS key
    that isn't the default one, and `advanced` is True in SSM's Advanced tier. A removal holds the
    row's claim until its outcome is known, or until none of its requests can arrive anymore.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="unknown_parameters")
    folder = models.CharField(max_length=1011)
    key = models.CharField(max_length=1011)
    version = models.PositiveIntegerField()
    modified = models.DateTimeField()
    encrypted = models.BooleanField(default=True)
    modified_by = models.CharField(max_length=2048, blank=True)
    key_id = models.CharField(max_length=2048, blank=True)
    advanced = models.BooleanField(default=False)
    claim = models.ForeignKey(
        AuditEvent, models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "folder", "key"], name="one_row_per_unknown_parameter"),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        """Return the parameter's path."""
        return f"{self.folder}/{self.key}"


class Revalidation(models.Model):
    """An app's last reconcile: when it started, when one last succeeded, and its problem.

    `held_until` is when the claim of the running pass expires, and null if none is running. It has
    listed `listed` of about `expected` parameters. `is_waiting` asks the background for a pass.
    """

    app = models.OneToOneField(App, models.CASCADE, primary_key=True)
    started_at = models.DateTimeField()
    agreed_at = models.DateTimeField(null=True)
    path_profile = models.CharField(max_length=10, blank=True)  # the app's profile at that time
    problem = models.CharField(max_length=200, blank=True)
    held_until = models.DateTimeField(null=True)
    listed = models.PositiveIntegerField(default=0)
    expected = models.PositiveIntegerField(default=0)
    is_waiting = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.app_id} {self.started_at}"


class CallMinute(models.Model):
    """The number of calls to the store in one minute, by operation and outcome.

    `outcome` is "ok" or the name of the error's class. `throttles` counts throttled attempts.
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
    """A parameter of the embedded store, at its current version."""

    path = models.CharField(max_length=1011, unique=True)
    version = models.PositiveIntegerField()
    modified = models.DateTimeField()

    def __str__(self) -> str:
        return self.path


class EmbeddedVersion(models.Model):
    """One version of a parameter of the embedded store, as ciphertext."""

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
