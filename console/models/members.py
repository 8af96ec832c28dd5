"""Roles of people and groups in an app, and invitations to one."""

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from console.models.apps import App
from console.models.users import User


class Member(models.Model):
    """A role in an app, of a person or of a group; what it may do stands in access.py.

    `patterns` narrow it to branches (patterns.py), one a line; none is no narrowing.
    """

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer"
        DEVELOPER = "developer", "Developer"
        MAINTAINER = "maintainer", "Maintainer"
        OWNER = "owner", "Owner"

    app = models.ForeignKey(App, models.CASCADE, related_name="members")
    user = models.ForeignKey(
        User, models.CASCADE, related_name="memberships", null=True, blank=True
    )
    group = models.ForeignKey(
        Group, models.CASCADE, related_name="memberships", null=True, blank=True
    )
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.VIEWER)
    patterns = models.TextField("branches", blank=True, default="")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "user"], name="one_role_per_member"),
            UniqueConstraint(fields=["app", "group"], name="one_role_per_group"),
            CheckConstraint(
                condition=Q(user=None, group__isnull=False) | Q(user__isnull=False, group=None),
                name="a_person_or_a_group",
                violation_error_message="Choose a person or a group, one of the two.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.role}"

    @property
    def name(self) -> str:
        """Return who it is: an email, or a group's name."""
        return f"group {self.group.name}" if self.group else str(self.user)


class Invitation(models.Model):
    """A role that waits for whoever has the link. Used, taken back or replaced, it is gone.

    Of the link's token only the SHA-256 is kept.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="invitations")
    email = models.EmailField("email address")
    role = models.CharField(max_length=20, choices=Member.Role.choices)
    patterns = models.TextField("branches", blank=True, default="")
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["email"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "email"], name="one_invitation_per_address")
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.role}"
