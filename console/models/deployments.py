"""Deployments (Amplify calls them jobs) as Amplify last told them."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import UniqueConstraint

from console.models.apps import Branch


class Deployment(models.Model):
    """A deployment of a branch: the newest ones, and the last successful one.

    `steps` is empty unless Amplify was asked for them: a list of name, status, started_at and
    ended_at, with times as ISO 8601 text or null.
    """

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="deployments")
    job_id = models.CharField(max_length=255)
    status = models.CharField(max_length=20)  # of console.amplify.base.JobStatus
    kind = models.CharField(max_length=10)
    commit_id = models.CharField(max_length=255, blank=True)
    commit_message = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    steps = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["branch", "job_id"], name="one_deployment_per_job")
        ]

    def __str__(self) -> str:
        return f"deployment {self.job_id} of {self.branch}"

    @property
    def number(self) -> int:
        """Return the job's id as a number. Amplify counts the jobs of a branch."""
        return int(self.job_id)

    @property
    def duration(self) -> timedelta | None:
        """Return how long it took, or None until it has ended."""
        return self.ended_at - self.started_at if self.ended_at and self.started_at else None
