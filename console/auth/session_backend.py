"""Store sessions in a table of our own.

One query returns a session's content, user and age. Django's table would need a second one.
"""

from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from console.models import Session

_METADATA_FIELDS = ("number", "created_at", "last_seen_at", "address", "agent")


class SessionStore(DatabaseStore):
    """A session. `metadata` holds the columns of its row that Django doesn't know."""

    def __init__(self, session_key: str | None = None) -> None:
        # PostgreSQL rejects NUL even in a query's parameters
        well_formed = session_key and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if well_formed else None)
        self.metadata: dict[str, Any] = {}

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        """Return the session's data, or nothing if it has expired."""
        key, now = self.session_key or "", timezone.now()
        row = next(iter(Session.objects.filter(session_key=key, expire_date__gt=now)), None)
        if row is None:
            # Never continue under a key that someone else chose (session fixation).
            self._session_key = None
            return {}
        self.metadata = {name: getattr(row, name) for name in _METADATA_FIELDS}
        return self.decode(row.session_data)

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
