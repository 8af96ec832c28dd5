"""After a variable is moved to secrets, its value exists only in the store."""

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from console.models import AuditEvent, Connection
from envvars_app.models import MapVersion, Variable
from secrets_app.models import Secret
from tests.envvars_app.amplify_sync.memory import MemoryAmplify
from tests.envvars_app.amplify_sync.steps import pull, push_now
from tests.factories import change_variable, set_variable
from tests.fixtures.people import World
from tests.leaks.actions import ClientFor
from tests.leaks.crawl import crawl, urls
from tests.leaks.detector import LeakDetector


@pytest.fixture
def moved(detector: LeakDetector, client_for: ClientFor, world: World) -> Variable:
    """Create a variable with two versions, and move it to secrets as alice."""
    shapes = detector.canary.shapes("as a variable")
    row = set_variable(world, "STRIPE_KEY", shapes["plain"], world.main)
    change_variable(world, row, shapes["lines"])
    clear_log(detector)
    url = reverse("variable_move", args=[world.app.app_id, row.pk])
    assert client_for("alice").post(url, {"base": "2"}).status_code == 302
    return row


def clear_log(detector: LeakDetector) -> None:
    """Clear what was logged while the value still was a variable's."""
    detector.log.truncate(0)
    detector.log.seek(0)


def checkpoint_journal() -> None:
    """Copy SQLite's write-ahead log into the database, which empties the log."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_it_works(
    detector: LeakDetector, moved: Variable, client_for: ClientFor, world: World
) -> None:
    saved = AuditEvent.objects.exclude(change_set=None)
    samples = {
        "app_id": [world.app.app_id],
        "pk": [moved.pk, Secret.objects.get().pk],
        "noun": ["variable"],
        "change_set": {*saved.values_list("change_set", flat=True)},
    }
    names = {"id", "object_id", "content_type_id", "app_label", "url", "token", "key", "uidb36"}
    every_url = urls({**samples, **{name: ["1"] for name in names}})
    for person in ("alice", "olga"):  # others see less
        with detector.quiet_logs():
            crawl(client_for(person), every_url, follow=person == "alice")
    checkpoint_journal()
    assert detector.leaks() == []


def test_moved_values_can_not_be_restored(
    detector: LeakDetector, moved: Variable, client_for: ClientFor, world: World
) -> None:
    url = reverse("variable_restore", args=[world.app.app_id, moved.pk])
    for version in ("1", "2", "3"):
        assert client_for("alice").post(url, {"version": version, "base": "3"}).status_code == 422
    assert not world.app.variables.filter(removed_at=None).exists()
    checkpoint_journal()
    assert detector.leaks() == []


def test_of_a_connected_app(detector: LeakDetector, client_for: ClientFor, world: World) -> None:
    shapes = detector.canary.shapes("as a variable")
    Connection.objects.create(app=world.app, connected_at=timezone.now())
    remote = MemoryAmplify(world.app, "main", "dev")
    row = set_variable(world, "STRIPE_KEY", shapes["plain"], world.main)
    push_now(world, remote)
    change_variable(world, row, shapes["lines"])
    push_now(world, remote)
    set_variable(world, "OTHER", "x", world.main)
    push_now(world, remote)
    assert MapVersion.objects.count() == 3
    clear_log(detector)
    url = reverse("variable_move", args=[world.app.app_id, row.pk])
    assert client_for("alice").post(url, {"base": "2"}).status_code == 302
    checkpoint_journal()
    assert detector.leaks() == []
    pull(world, remote)  # Amplify holds it still
    checkpoint_journal()
    assert detector.leaks() == []
    assert push_now(world, remote).done == 1
    assert remote.kept["main"].variables == {"OTHER": "x"}
    checkpoint_journal()
    assert detector.leaks() == []
