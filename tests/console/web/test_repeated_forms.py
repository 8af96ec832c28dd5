"""A form that is posted twice is answered as the first time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from console.lib.results import RowOutcome
from console.web import repeats
from envvars_app.variables import save as variables_saving
from secrets_app.writes import save as secrets_saving
from tests.factories import (
    audit_events,
    audit_rows,
    messages_of,
    secret_versions,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access

FRAGMENT = {"HX-Request": "true"}
FORMS = ("secrets_manage", "variables_manage")
each_form = pytest.mark.parametrize("form", FORMS)
each_way = pytest.mark.parametrize("headers", [{}, FRAGMENT], ids=["page", "fragment"])


@pytest.fixture
def alice(world: World, client_for: Callable[[str], Client]) -> Client:
    return client_for("alice")


def open_form(client: Client, world: World, form: str) -> tuple[str, dict[str, str]]:
    """Return a form's URL, and a post of a new row that belongs to the form."""
    url = reverse(form, args=[world.app.app_id])
    token = client.get(url).context["change_set"]
    return url, {
        "change_set": token,
        "new-1-key": "API_KEY",
        "new-1-value": "x",
        "new-1-branch": "",
    }


def answer(response: Any) -> tuple[int, str, str]:
    return response.status_code, response.headers.get("Location", ""), response.text


def changes(world: World) -> int:
    return len(audit_rows(world, "secret.", "variable."))


@each_form
@each_way
def test_it_works(world: World, alice: Client, form: str, headers: dict[str, str]) -> None:
    url, fields = open_form(alice, world, form)
    first = alice.post(url, fields, headers=headers)
    second = alice.post(url, fields, headers=headers)
    assert first.status_code in {200, 302}
    assert answer(first) == answer(second)
    assert changes(world) == 1


@each_form
def test_changes_and_removals(world: World, alice: Client, form: str) -> None:
    kind = set_secret if form == "secrets_manage" else set_variable
    one, other = kind(world, "ONE"), kind(world, "OTHER")
    url, fields = open_form(alice, world, form)
    fields |= {f"value-{one.pk}": "new", f"base-{one.pk}": "1"}
    fields |= {f"remove-{other.pk}": "on", f"base-{other.pk}": "1", f"overrides-{other.pk}": "keep"}
    before = changes(world)
    answers = [alice.post(url, fields, headers=FRAGMENT) for _ in range(3)]
    assert {response.status_code for response in answers} == {200}
    assert len({response.text for response in answers}) == 1
    assert changes(world) == before + 3


@each_form
def test_other_content_is_refused(world: World, alice: Client, form: str) -> None:
    url, fields = open_form(alice, world, form)
    alice.post(url, fields)
    for other in (
        {"new-1-value": "y"},
        {"new-1-key": "OTHER"},
        {"new-1-branch": str(world.dev.pk)},
    ):
        refused = alice.post(url, fields | other, headers=FRAGMENT)
        assert refused.status_code == 422
        assert "This form was already saved with other content" in refused.text
    assert changes(world) == 1


@each_form
def test_a_corrected_row_is_saved(world: World, alice: Client, form: str) -> None:
    url, fields = open_form(alice, world, form)
    fields |= {"new-2-key": "wrong=name", "new-2-value": "y", "new-2-branch": ""}
    first = alice.post(url, fields, headers=FRAGMENT)
    assert first.text.count('data-outcome="saved"') == 1
    corrected = alice.post(url, fields | {"new-2-key": "RIGHT"}, headers=FRAGMENT)
    assert corrected.status_code == 200
    assert corrected.text.count('data-outcome="saved"') == 2
    again = fields | {"new-1-value": "z", "new-2-key": "RIGHT"}
    assert "already saved with other content" in alice.post(url, again, headers=FRAGMENT).text
    assert changes(world) == 2


@each_form
def test_the_next_rows_of_a_change_set(world: World, alice: Client, form: str) -> None:
    url, fields = open_form(alice, world, form)
    more = {"new-2-key": "OTHER", "new-2-value": "y", "new-2-branch": ""}
    rest = {"change_set": fields["change_set"], **more}
    for post in (fields, rest, fields, rest):
        assert alice.post(url, post, headers=FRAGMENT).status_code == 200
    assert changes(world) == 2


@each_form
def test_a_change_set_of_someone_else_says_nothing(
    world: World, alice: Client, client_for: Callable[[str], Client], form: str
) -> None:
    url, fields = open_form(alice, world, form)
    alice.post(url, fields)
    mia = client_for("mia")
    stolen = mia.post(url, fields, headers=FRAGMENT)
    foreign = mia.post(url, fields | {"change_set": "x:y"}, headers=FRAGMENT)
    assert stolen.text == foreign.text
    assert "already saved" not in stolen.text


def test_what_failed_is_tried_again(
    world: World, alice: Client, interrupted: InterruptedStore
) -> None:
    url, fields = open_form(alice, world, "secrets_manage")
    fields |= {"new-2-key": "OTHER", "new-2-value": "y", "new-2-branch": ""}
    interrupted.before("put", deny_access)
    first = alice.post(url, fields, headers=FRAGMENT)
    assert first.text.count('data-outcome="saved"') == 1
    second = alice.post(url, fields, headers=FRAGMENT)
    assert second.text.count('data-outcome="saved"') == 2
    assert secret_versions(world) == {("", "API_KEY"): 1, ("", "OTHER"): 1}


def test_what_failed_can_have_other_content(
    world: World, alice: Client, interrupted: InterruptedStore
) -> None:
    url, fields = open_form(alice, world, "secrets_manage")
    interrupted.before("put", deny_access)
    alice.post(url, fields, headers=FRAGMENT)
    second = alice.post(url, fields | {"new-1-value": "corrected"}, headers=FRAGMENT)
    assert 'data-outcome="saved"' in second.text
    assert stored_values(world, "API_KEY") == ("corrected", None)


def test_a_save_that_could_not_start_is_forgotten(
    world: World, alice: Client, interrupted: InterruptedStore
) -> None:
    url, fields = open_form(alice, world, "secrets_manage")
    interrupted.before("current", deny_access)
    assert alice.post(url, fields).status_code == 503
    assert alice.post(url, fields).status_code == 302


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
@each_form
def test_at_the_same_time(
    world: World, alice: Client, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, fields = open_form(alice, world, form)
    started, go_on = Event(), Event()
    name = "_write_all" if form == "secrets_manage" else "_write"
    module = secrets_saving if form == "secrets_manage" else variables_saving
    write = getattr(module, name)

    def write_slowly(*arguments: Any) -> Any:
        started.set()
        go_on.wait(10)
        return write(*arguments)

    monkeypatch.setattr(module, name, write_slowly)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(post_in_thread, alice, url, fields)
        started.wait(10)
        second = threads.submit(post_in_thread, alice, url, fields)
        go_on.set()
        assert answer(first.result()) == answer(second.result())
    assert changes(world) == 1


def post_in_thread(client: Client, url: str, fields: dict[str, str]) -> Any:
    try:
        return client.post(url, fields, headers=FRAGMENT)
    finally:
        connections.close_all()


def test_the_first_save_takes_too_long(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "PATIENCE", 0.0)
    url, fields = open_form(alice, world, "secrets_manage")
    seconds: list[Any] = []
    write = secrets_saving._write_all

    def repeat_and_write(*arguments: Any) -> Any:
        monkeypatch.undo()
        monkeypatch.setattr(repeats, "PATIENCE", 0.0)
        seconds.append(alice.post(url, fields, headers=FRAGMENT))
        return write(*arguments)

    monkeypatch.setattr(secrets_saving, "_write_all", repeat_and_write)
    first = alice.post(url, fields, headers=FRAGMENT)
    assert 'data-outcome="saved"' in first.text
    assert 'data-outcome="held"' in seconds[0].text
    assert "the first save is still running" in seconds[0].text
    assert changes(world) == 1


def test_the_first_save_was_killed(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, fields = open_form(alice, world, "secrets_manage")
    alice.post(url, fields)
    [key] = keys_of_saves()
    first = cache.get(key)
    cut_off = {"digests": first["digests"], "started": first["started"] - repeats.LONGEST_SAVE - 1}
    cache.set(key, cut_off, 60)
    second = alice.post(url, fields, headers=FRAGMENT)
    assert 'data-outcome="saved"' in second.text
    assert stored_values(world, "API_KEY") == ("x", None)


def keys_of_saves() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM console_cache WHERE cache_key LIKE '%save:%'")
        return [name.split(":", 2)[2] for (name,) in cursor.fetchall()]


def test_what_is_remembered_holds_no_value(world: World, alice: Client) -> None:
    url, fields = open_form(alice, world, "secrets_manage")
    alice.post(url, fields | {"new-1-value": "CANARY in the cache"})
    [key] = keys_of_saves()
    assert "CANARY" not in repr(cache.get(key))
    assert cache.get(key).keys() == {"digests", "started", "outcomes", "complete"}


def test_an_outcome_survives_being_remembered() -> None:
    outcome = RowOutcome("1", repeats.Result.SAVED, "message", version=2, revision=-3, pk=4)
    assert repeats._outcome(vars(outcome)) == outcome


def test_bulk_edit(world: World, alice: Client) -> None:
    url = reverse("variables_bulk", args=[world.app.app_id])
    form = {"text": "A=1\nB=2\n", "format": "env", "mode": "merge", "scope": ""}
    preview = alice.post(url, form | {"action": "preview"})
    post = form | {"action": "apply", "seen": preview.context["seen"]}
    post["change_set"] = preview.context["change_set"]
    first, second = alice.post(url, post), alice.post(url, post)
    assert "?saved=" in first.headers["Location"]
    assert answer(first) == answer(second)
    assert "2 variables saved" in alice.get(second.headers["Location"]).text
    refused = alice.post(url, post | {"text": "A=1\nB=3\n"})
    assert "already saved with other content" in refused.text
    assert sorted(variable_values(world).values()) == ["1", "2"]


@pytest.mark.parametrize("act", ["save", "remove"])
def test_build_settings(world: World, alice: Client, act: str) -> None:
    url = reverse("build_edit", args=[world.app.app_id])
    text = "version: 1\nfrontend:\n  phases:\n    build:\n      commands: [npm run build]\n"
    text += "  artifacts:\n    baseDirectory: dist\n    files: ['**/*']\n"
    fields = {"text": text, "base": "0"}
    if act == "remove":
        alice.post(url, fields)
        url = reverse("build_remove", args=[world.app.app_id])
        fields = {"base": "1"}
    first, second = (alice.post(url, fields, follow=True) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert messages_of(second)[-1] == messages_of(first)[-1]
    other = alice.post(url, {"text": text + "# other\n", "base": "0"}, follow=True)
    assert "changed these build settings" in other.text or act == "remove"


def test_events_of_a_repeated_form(world: World, alice: Client) -> None:
    url, fields = open_form(alice, world, "secrets_manage")
    for _ in range(2):
        alice.post(url, fields)
    assert len([event for event in audit_events() if event.action == "secret.create"]) == 1
