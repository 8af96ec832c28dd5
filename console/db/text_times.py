"""Times as the database's own text. Parsing datetimes takes longer than all else about a row.

SQLite's text has no time zone and is in UTC. PostgreSQL's has one, and is in UTC too, because
Django sets the session's time zone.
"""

from datetime import datetime

from django.db.models import CharField
from django.db.models.functions import Cast


def as_text(field: str) -> Cast:
    """Return the expression for a time's text."""
    return Cast(field, CharField())


def parse(text: str) -> datetime:
    """Parse the database's text of a time."""
    return datetime.fromisoformat(text if "+" in text else f"{text}Z")
