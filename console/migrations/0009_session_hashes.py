"""Session keys become hashes, and session data is encrypted. Everyone stays signed in.

A hash can't be turned back, so the reverse ends every session. The cache's values become JSON, so
its entries are deleted: sign-in limits start again.
"""

import hashlib
import json
from typing import Any, ClassVar

from django.core import signing
from django.db import migrations, models
from django.utils import timezone

import console.models.users
from console.auth import encryption

_SALT = "django.contrib.sessions.SessionStore"


def hash_keys(apps: Any, schema_editor: Any) -> None:
    """Hash the key and encrypt the data of each session."""
    sessions = apps.get_model("console", "Session").objects.using(schema_editor.connection.alias)
    sessions.filter(expire_date__lt=timezone.now()).delete()
    for key, signed in list(sessions.values_list("session_key", "session_data")):
        try:
            data = signing.loads(signed, salt=_SALT, serializer=signing.JSONSerializer)
        except signing.BadSignature:  # SECRET_KEY was changed: its user is signed out already
            sessions.filter(session_key=key).delete()
            continue
        sessions.filter(session_key=key).update(
            session_key=hashlib.sha256(key.encode()).hexdigest(),
            session_data=encryption.encrypt(json.dumps(data, separators=(",", ":"))),
        )


def end_sessions(apps: Any, schema_editor: Any) -> None:
    """Delete every session."""
    sessions = apps.get_model("console", "Session").objects.using(schema_editor.connection.alias)
    sessions.all().delete()


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("console", "0008_refused_requests")]

    operations: ClassVar[list[Any]] = [
        migrations.AlterField(
            "session",
            "session_key",
            models.CharField("hash of the key", max_length=64, primary_key=True, serialize=False),
        ),
        migrations.RunPython(hash_keys, end_sessions),
        migrations.AlterField(
            "session",
            "session_key",
            console.models.users.KeyHashField(
                max_length=64, primary_key=True, serialize=False, verbose_name="hash of the key"
            ),
        ),
        migrations.RunSQL("DELETE FROM console_cache", "DELETE FROM console_cache"),
    ]
