"""Roles of users and groups in an app, and invitations."""

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from console.models.apps import App
from console.models.users import User


class Member(models.Model):
    """A role of a user or group in an app. console/access/policy.py defines what a role may do.

    `patterns` limits the role to matching branches, one pattern per line. Without patterns the role
    applies to every branch.
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
                violation_error_message="Choose a person or a group, not both.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.role}"

    @property
    def name(self) -> str:
        """Return the user's email or the group's name."""
        return f"group {self.group.name}" if self.group else str(self.user)


class Suspension(models.Model):
    """A user's memberships give no access until another owner of each app confirms the user.

    It begins when someone other than the user changed how the account signs in, so that an operator
    can't act as the user. `proof` says what still proves the user, who then ends it at sign-in.
    """

    class Proof(models.TextChoices):
        OWNERS = "owners", "nothing: only owners confirm"
        PASSWORD = "password", "the password"
        FACTOR = "factor", "a second factor"

    user = models.OneToOneField(User, models.CASCADE, related_name="suspension")
    reason = models.CharField(max_length=200)
    proof = models.CharField(max_length=10, choices=Proof.choices)
    at = models.DateTimeField(auto_now_add=True)
    confirmed = models.ManyToManyField(App, related_name="+")

    def __str__(self) -> str:
        return f"{self.user}: {self.reason}"


class Invitation(models.Model):
    """A role offered to an email address.

    The row is deleted when it is accepted, withdrawn or replaced. Only the SHA-256 hash of the
    link's token is stored.
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
