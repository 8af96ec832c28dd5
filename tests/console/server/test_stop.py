"""SIGTERM during a long save: the answer names what was saved, and the rest stays in the form."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import sleep

import pytest

from console.server import gunicorn
from secrets_app.writes import leases
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import PASSWORD
from tests.soak.replicas.server import Server, copy_started_to, running
from tests.soak.replicas.web_user import WebUser, change_set_of, row_results

OWNER = "olga@example.com"
SET_UP = f"""
from django.core.management import call_command
from console.models import User
User.objects.create_superuser("{OWNER}", "{PASSWORD}")
call_command("sample_app", owner="{OWNER}", verbosity=0)
from console.models import App
print(App.objects.get().app_id)
"""
ROWS = 20
pytestmark = pytest.mark.slow


def test_it_works(faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED")
    environment = {name: os.environ[name] for name in names} | {
        "DJANGO_SETTINGS_MODULE": "console.settings",
        "PARAMETER_STORE": "ssm",
        "AWS_ENDPOINT_URL_SSM": faulty.url,
        "AWS_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }
    console = Server(copy_started_to(tmp_path / "console"), environment)
    with running(console), ThreadPoolExecutor(1) as threads:
        app_id = console.run("django", "shell", "--verbosity=0", "-c", SET_UP).split()[-1]
        user = WebUser(OWNER, [console.port])
        assert user.sign_in() == 302
        url = f"/apps/{app_id}/hosting/secrets/manage/"
        fields = {"change_set": change_set_of(user.get(url).text)}
        for number in range(1, ROWS + 1):
            fields |= {f"new-{number}-key": f"KEY_{number}", f"new-{number}-branch": ""}
            fields |= {f"new-{number}-value": "x"}
        second, stopped = Event(), Event()
        monkeypatch.setattr(faulty, "_fault_for", stop_at_second_put(second, stopped))
        saving = threads.submit(user.post, url, fields)
        assert second.wait(60)
        console.terminate()
        stopped.set()
        response = saving.result()
        assert console.wait_until_stopped() == 0
    outcomes = [result.outcome for result in row_results(response.text).values()]
    saved = outcomes.count("saved")
    assert response.status == 422
    assert 2 <= saved < ROWS
    assert outcomes == ["saved"] * saved + ["not_tried"] * (ROWS - saved)
    assert "Branchkeep is stopping" in response.text


def test_a_secret_and_its_mirror_are_finished() -> None:
    assert gunicorn.graceful_timeout > leases.LONGEST_WRITE.total_seconds()


def stop_at_second_put(second: Event, stopped: Event) -> Callable[[str], Fault | None]:
    """Return a function that keeps the second PutParameter until the console is told to stop.

    The later ones are slow, so that the signal reaches the worker before the last one.
    """
    puts = iter(range(ROWS))

    def fault_for(operation: str) -> Fault | None:
        number = next(puts) if operation == "PutParameter" else 0
        if number == 1:
            second.set()
            stopped.wait(60)
        elif number > 1:
            sleep(0.3)
        return None

    return fault_for
