"""The append-only audit tables: events, their outcomes, and the links of the hash chain."""

from typing import ClassVar

from django.db import models
from django.db.models import UniqueConstraint

from console.conf import signing
from console.lib.naming.names import APP_ID_LIMIT, BRANCH_NAME_LIMIT


class MarkField(models.CharField):
    """A row's signature (console/conf/signing.py), computed when the row is inserted.

    Being a model field, it also covers rows that are inserted through the ORM directly.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Sign a new row.

        The field must be declared last, so that all others have their values by now.
        """
        if add:
            setattr(model_instance, self.attname, signing.sign_row(model_instance))
        return str(getattr(model_instance, self.attname))


class AuditEvent(models.Model):
    """An attempt: who is about to do what. Append-only, enforced by database triggers.

    People, apps and branches are named by text and number, without foreign keys, so that deleting
    one of them later neither changes nor deletes an audit row.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    action = models.CharField(max_length=40)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=254)
    app_id = models.CharField(max_length=APP_ID_LIMIT, blank=True)
    branch = models.CharField(max_length=BRANCH_NAME_LIMIT, blank=True)
    subject = models.CharField(max_length=1011, blank=True)
    change_set = models.UUIDField(null=True)
    version_before = models.PositiveIntegerField(null=True)
    # The event whose scope and version say where the value that this act writes comes from. 0 for
    # what one import writes to several scopes.
    origin = models.BigIntegerField(null=True)
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    mark = MarkField(max_length=signing.LENGTH, blank=True, default="", editable=False)  # the last

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [  # for the filters of the activity pages
            models.Index(fields=["app_id", "-id"], name="audit_of_an_app"),
            models.Index(fields=["app_id", "subject", "-id"], name="audit_of_a_key"),
            models.Index(fields=["actor", "-id"], name="audit_of_a_person"),
            models.Index(fields=["action", "-id"], name="audit_of_an_action"),
            models.Index(
                fields=["change_set", "id"],
                condition=models.Q(change_set__isnull=False),
                name="audit_of_a_change_set",
            ),
            models.Index(
                fields=["app_id", "subject"],
                condition=models.Q(origin__isnull=False),
                name="audit_of_a_copy",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action}"


class AuditOutcome(models.Model):
    """How an attempt ended. Append-only. A separate row, so that no row is ever updated."""

    event = models.ForeignKey(
        AuditEvent, models.DO_NOTHING, related_name="outcomes", db_constraint=False
    )
    at = models.DateTimeField(auto_now_add=True)
    outcome = models.CharField(max_length=20)
    version_after = models.PositiveIntegerField(null=True)
    detail = models.CharField(max_length=200, blank=True)
    mark = MarkField(max_length=signing.LENGTH, blank=True, default="", editable=False)  # the last

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["outcome", "event"], name="audit_of_an_outcome")
        ]

    def __str__(self) -> str:
        return self.outcome


class RefusedRequests(models.Model):
    """How many requests of an actor were refused within a minute (console/audit/refusals.py).

    Only a counter, which is deleted once the audit trail has its number. `event_id` is the event
    that stands for the refusals beyond the limit.
    """

    actor = models.CharField(max_length=30)  # "user 7", or "" for everyone who is not signed in
    app_id = models.CharField(max_length=APP_ID_LIMIT, blank=True)
    minute = models.DateTimeField()
    number = models.PositiveIntegerField(default=0)
    event_id = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["actor", "app_id", "minute"], name="one_count_per_minute")
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.number}"


class AuditSeal(models.Model):
    """A link of the hash chain over both tables (console/audit/chain.py).

    Append-only, numbered from 1.
    """

    id = models.BigIntegerField(primary_key=True)
    table = models.CharField(max_length=20)  # the model's name
    row_id = models.BigIntegerField()
    at = models.DateTimeField()
    digest = models.CharField(max_length=signing.LENGTH)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["table", "row_id"], name="one_seal_per_row")
        ]

    def __str__(self) -> str:
        return f"{self.id}:{self.digest}"
