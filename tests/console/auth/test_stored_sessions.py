"""A copy of the table signs nobody in: keys are hashes, data is encrypted (guarantee 28)."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django.test import Client

from console.auth.session_backend import SessionStore
from console.models import Session
from tests.console.auth.conftest import SESSIONS, age_sessions
from tests.fixtures.people import World

Browser = Callable[..., Client]
pytestmark = pytest.mark.both_databases
SALT = "django.contrib.sessions.SessionStore"


def stored() -> list[tuple[str, str]]:
    """Return key and data of each session, as the table holds them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_key, session_data FROM console_session")
        return [(str(key), str(data)) for key, data in cursor.fetchall()]


def signed_in(client: Client) -> bool:
    """Return True if the browser is signed in."""
    return bool(client.get(SESSIONS).status_code == 200)


def test_it_works(sign_in_bob: Browser) -> None:
    key = sign_in_bob().cookies["sessionid"].value
    [(hashed, data)] = stored()
    assert hashed == hashlib.sha256(key.encode()).hexdigest()
    assert "_auth_user" not in data
    with pytest.raises(signing.BadSignature):
        signing.loads(data, salt=SALT)


def test_the_hash_signs_nobody_in(sign_in_bob: Browser) -> None:
    sign_in_bob()
    thief = Client()
    thief.cookies["sessionid"] = stored()[0][0]
    assert not signed_in(thief)


def test_data_is_not_readable(sign_in_bob: Browser) -> None:
    """While someone sets up an authenticator app, the session holds its secret."""
    browser = sign_in_bob()
    browser.get("/accounts/second-factor/app/add/")
    secret = browser.session["mfa.totp.secret"]
    assert secret not in str(stored())
    assert secret not in signing.b64_decode(stored()[0][1].encode()[:-1] + b"=").decode("latin-1")


def test_another_key_ends_the_session(sign_in_bob: Browser, settings: Any) -> None:
    browser = sign_in_bob()
    settings.ENCRYPTION_KEYS = ["a-newer-key", *settings.ENCRYPTION_KEYS]
    assert signed_in(browser)
    settings.ENCRYPTION_KEYS, settings.SECRET_KEY = ["another"], "another" * 8
    assert not signed_in(browser)


def test_sessions_are_ended_one_by_one(sign_in_bob: Browser) -> None:
    lynx, links = sign_in_bob("Lynx"), sign_in_bob("Links")
    lynx.post(SESSIONS, {"end": "others"})
    assert signed_in(lynx)
    assert not signed_in(links)
    lynx.post(SESSIONS, {"end": "all"})
    assert not signed_in(lynx)
    assert Session.objects.exclude(user=None).count() == 0


def test_activity_is_saved(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob()
    age_sessions(minutes=2)
    before = Session.objects.get().last_seen_at
    assert signed_in(lynx)
    assert Session.objects.get().last_seen_at > before


@contextmanager
def migrated_to(targets: list[tuple[str, str]]) -> Iterator[StateApps]:
    """Migrate back for the block, and forward after it, even if it fails."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    try:
        yield executor.loader.project_state(targets).apps
    finally:  # otherwise every later test would fail too
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.exhaustive
@pytest.mark.django_db(transaction=True)
def test_migration_keeps_people_signed_in(world: World) -> None:
    """Rows with plain keys are hashed; the data of rows that no key reads is deleted."""
    client = Client()
    client.force_login(world.person("bob"))
    key, data = client.cookies["sessionid"].value, dict(client.session.items())
    bob = world.person("bob").pk  # before its columns are removed
    old = [("console", "0008_refused_requests")]
    with migrated_to(old) as apps:
        table = apps.get_model("console", "Session")
        assert not table.objects.exists()  # the reverse ends every session
        row = {"expire_date": "2100-01-01T00:00Z", "user_id": bob}
        plain = signing.dumps(data, salt=SALT, serializer=signing.JSONSerializer, compress=True)
        table.objects.create(session_key=key, session_data=plain, **row)
        table.objects.create(session_key="x" * 32, session_data="forged", **row)
        expired = {"session_key": "y" * 32, "expire_date": "2020-01-01T00:00Z"}
        table.objects.create(session_data=plain, **expired)
    [(hashed, encrypted)] = stored()
    assert hashed == hashlib.sha256(key.encode()).hexdigest()
    assert json.dumps(data["_auth_user_hash"]) not in encrypted
    assert SessionStore(key).load() == data
    assert signed_in(client)
