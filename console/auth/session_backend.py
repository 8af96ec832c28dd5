"""Sessions as Django keeps them in a database, in a table of ours: one query tells a request both
what the session holds, and whose it is and since when.
"""

from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from console.models import Session

_KEPT = ("number", "created_at", "last_seen_at", "address", "agent")


class SessionStore(DatabaseStore):
    """A session; `about` holds the columns of its row that Django does not know."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.about: dict[str, Any] = {}

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the table's model."""
        return Session

    def _validate_session_key(self, key: str | None) -> bool:
        """Take no key that could not be one of ours: PostgreSQL takes no NUL, not even in a
        question.
        """
        return bool(key and key.isascii() and key.isalnum() and len(key) <= 40)

    def load(self) -> dict[str, Any]:
        """Return what the session holds; nothing where it is over."""
        key, now = self.session_key or "", timezone.now()
        row = next(iter(Session.objects.filter(session_key=key, expire_date__gt=now)), None)
        if row is None:
            self._session_key = None  # a key that somebody else chose is never used
            return {}
        self.about = {name: getattr(row, name) for name in _KEPT}
        return self.decode(row.session_data)

    def create(self) -> None:
        """Take a new key, as each sign-in and each new password does; the session is as old."""
        self.about.pop("number", None)
        super().create()

    def flush(self) -> None:
        """End the session. What comes after it is another one."""
        super().flush()
        self.about = {}

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row to save."""
        row = cast(Session, super().create_model_instance(data))
        row.user_id = data.get(SESSION_KEY)
        for name, known in self.about.items():
            setattr(row, name, known)
        return row
