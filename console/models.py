"""People, apps, branches, who may act on them, and the audit trail. Never a value."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager, Group
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.utils import timezone

from console.conf import signing
from console.lib.names import (
    ALL_BRANCHES,
    APP_ID_PATTERN,
    BRANCH_NAME_LIMIT,
    PathProfile,
    branch_name_problem,
)
from console.notices_models import Notice as Notice  # Django looks for tables here


class UserManager(BaseUserManager["User"]):
    """Creates users by email; emails are compared without case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a saved user. Without a password the user can't sign in by one."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a saved operator."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by email, whatever its case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractUser):
    """A person, known by email. A superuser is an operator: he runs the deployment."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("email address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Lower the email, so that one person has one account."""
        super().clean()
        self.email = self.email.strip().lower()


class Session(AbstractBaseSession):
    """A browser's session, and what its owner is shown of it. Its key is as good as a password, so
    it is known on pages by `number`. `user` is who signed in; without one it holds a message.
    """

    number = models.UUIDField(default=uuid.uuid4, unique=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions", null=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)


class App(models.Model):
    """An Amplify app. Its secrets stand in the parameter store under `app_id`."""

    app_id = models.CharField(
        "app ID",
        max_length=20,
        unique=True,
        validators=[
            RegexValidator(
                APP_ID_PATTERN.removesuffix("$") + r"\Z",
                "An app ID is a d followed by 1 to 19 lower-case letters and digits, "
                "as the Amplify console shows it.",
            )
        ],
    )
    name = models.CharField(max_length=255)
    repository = models.CharField(max_length=1000, blank=True)
    region = models.CharField(max_length=32)
    path_profile = models.CharField(
        max_length=10,
        choices=[(profile.value, profile.value) for profile in PathProfile],
        default=PathProfile.BOTH.value,
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "app_id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.app_id})"


class Stage(models.TextChoices):
    """Amplify's branch stages."""

    PRODUCTION = "PRODUCTION", "Production"
    BETA = "BETA", "Beta"
    DEVELOPMENT = "DEVELOPMENT", "Development"
    EXPERIMENTAL = "EXPERIMENTAL", "Experimental"
    PULL_REQUEST = "PULL_REQUEST", "Pull request"
    NONE = "NONE", "None"


def check_branch_name(name: str) -> None:
    """Validate a branch's name (console.lib.names says what it can be)."""
    if problem := branch_name_problem(name):
        raise ValidationError(problem)


class Branch(models.Model):
    """A git branch connected to an app.

    A deleted one keeps its row, for its secrets stay behind in the store until someone removes
    them. `production` marks the one branch that serves the app's users.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="branches")
    name = models.CharField(max_length=BRANCH_NAME_LIMIT, validators=[check_branch_name])
    stage = models.CharField(max_length=20, choices=Stage.choices, default=Stage.NONE)
    production = models.BooleanField(default=False)
    protected = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        verbose_name_plural = "branches"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["app", "name"], name="one_branch_per_name"),
            UniqueConstraint(
                fields=["app"], condition=Q(production=True), name="one_production_branch"
            ),
        ]

    def __str__(self) -> str:
        return self.name


def scope_name(branch: Branch | None) -> str:
    """Return what people call a scope."""
    return ALL_BRANCHES if branch is None else branch.name


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


class MarkField(models.CharField):
    """A row's mark (console/conf/signing.py), made as the row is written, whoever writes it."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Mark a new row. The fields before this one have their values by now."""
        if add:
            setattr(model_instance, self.attname, signing.make(model_instance))
        return str(getattr(model_instance, self.attname))


class AuditEvent(models.Model):
    """An attempt: who is about to do what. Append-only, by triggers in the database.

    It names people, apps and branches by text and number, with no foreign key, so that nothing
    that is deleted later changes or takes a row along.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    action = models.CharField(max_length=40)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=254)
    app_id = models.CharField(max_length=20, blank=True)
    branch = models.CharField(max_length=BRANCH_NAME_LIMIT, blank=True)
    subject = models.CharField(max_length=1011, blank=True)
    change_set = models.UUIDField(null=True)
    version_before = models.PositiveIntegerField(null=True)
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    mark = MarkField(max_length=signing.LENGTH, blank=True, default="", editable=False)  # the last

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [  # what the activity's pages filter by
            models.Index(fields=["app_id", "-id"], name="audit_of_an_app"),
            models.Index(fields=["app_id", "subject", "-id"], name="audit_of_a_key"),
            models.Index(fields=["actor", "-id"], name="audit_of_a_person"),
            models.Index(fields=["action", "-id"], name="audit_of_an_action"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action}"


class AuditOutcome(models.Model):
    """How an attempt ended; a row of its own, so that nothing is ever updated. Append-only."""

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


class AuditSeal(models.Model):
    """A link of the chain over both tables (console/chain.py), numbered from 1. Append-only."""

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
