"""Users and their browser sessions."""

import hashlib
import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    """Creates users by email. Emails are stored in lower case, so lookups ignore case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a saved user. A user without a password can't sign in with one."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a saved operator."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this email, ignoring case."""
        return self.get(email=(username or "").strip().lower())


class Theme(models.TextChoices):
    """The colors of pages. The system's setting decides unless the user chooses."""

    SYSTEM = "system", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class User(AbstractUser):
    """A user, identified by email. A superuser is an operator, who runs the deployment.

    Without a `time_zone`, pages show times in the browser's. `single_keys` turns on shortcuts of a
    single key, such as "n".
    """

    username = None  # type: ignore[assignment]  # as Django's documentation removes it
    email = models.EmailField("email address", unique=True)
    theme = models.CharField(max_length=6, choices=Theme, default=Theme.SYSTEM)
    time_zone = models.CharField(max_length=64, blank=True, default="")
    single_keys = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]  # AbstractUser has its own

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Lower-case the email, so that each person has one account."""
        super().clean()
        self.email = self.email.strip().lower()


class KeyHash(str):
    """The hash of a session key, as a row holds it."""

    __slots__ = ()


class KeyHashField(models.CharField):
    """The SHA-256 hash of a session key.

    Keys are hashed on their way to the database, so that a copy of it signs nobody in. Only a hash
    that was read from the database passes unchanged: one that a browser sends is hashed like any
    key, and matches nothing.
    """

    def get_prep_value(self, value: Any) -> Any:
        """Return the hash of a key, or the hash that a row holds."""
        if value is None or isinstance(value, KeyHash):
            return value
        return KeyHash(hashlib.sha256(str(value).encode(errors="replace")).hexdigest())

    def from_db_value(self, value: str | None, *_: Any) -> KeyHash | None:
        """Return a row's hash."""
        return None if value is None else KeyHash(value)


class Session(AbstractBaseSession):
    """A browser session, with the details that its user sees.

    A row holds the hash of its key, which is as good as a password, and its data encrypted. Pages
    identify a session by `number`. `user` is empty until someone signs in; until then the session
    only holds messages.
    """

    session_key = KeyHashField("hash of the key", max_length=64, primary_key=True)
    number = models.UUIDField(default=uuid.uuid4, unique=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions", null=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)


class AccountLink(models.Model):
    """A one-time link with which a user sets a password, or removes their second factors.

    Only the SHA-256 hash of its token is stored. `fingerprint` depends on the user's password and
    email, so the link ends when one of them changes. The row is deleted when the link is used or
    replaced.
    """

    class Kind(models.TextChoices):
        PASSWORD = "password", "a new password"
        FACTORS = "factors", "the removal of second factors"

    user = models.ForeignKey(User, models.CASCADE, related_name="links")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "kind"], name="one_link_per_user_and_kind")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind}"
