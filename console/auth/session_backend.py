"""Store sessions in a table of our own: keys as hashes, data encrypted.

One query returns a session's content, user and age. Django's table would need a second one.
"""

from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from console.auth import encryption
from console.db.faults import fault_of
from console.models import Session

_METADATA_FIELDS = ("number", "created_at", "last_seen_at", "address", "agent")


class SessionStore(DatabaseStore):
    """A session. `metadata` holds the columns of its row that Django doesn't know."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.metadata: dict[str, Any] = {}

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        """Return the session's data, or nothing if it has expired."""
        key, now = self.session_key or "", timezone.now()
        row = next(iter(Session.objects.filter(session_key=key, expire_date__gt=now)), None)
        if row is None:
            # Django's method finds nothing either, and drops the key: never continue under a key
            # that someone else chose (session fixation).
            return super().load()
        self.metadata = {name: getattr(row, name) for name in _METADATA_FIELDS}
        return self.decode(row.session_data)

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return the session's data encrypted: it can hold the secret of a second factor."""
        return encryption.encrypt(self.serializer().dumps(session_dict).decode("latin-1"))

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Return the session's data, or nothing if no key decrypts it."""
        try:
            text = encryption.decrypt(str(session_data))
        except PermissionDenied:
            return {}
        return cast(dict[str, Any], self.serializer().loads(text.encode("latin-1")))

    def save(self, must_create: bool = False) -> None:
        """Save the session.

        If the database can't save, raise its error. Django would report that the session has ended.
        """
        try:
            super().save(must_create)
        except UpdateError as error:
            if error.__context__ and fault_of(error.__context__):
                raise error.__context__ from error.__context__.__cause__
            raise

    def create(self) -> None:
        """Start under a new key, as after each sign-in and password change.

        The session's age stays.
        """
        self.metadata.pop("number", None)
        super().create()

    def flush(self) -> None:
        """End the session. A later one shares nothing with it."""
        super().flush()
        self.metadata = {}

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast(Session, super().create_model_instance(data))
        row.user_id = data.get(SESSION_KEY)
        for name, value in self.metadata.items():
            setattr(row, name, value)
        return row
