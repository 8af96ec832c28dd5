"""Large apps are reconciled in the background, one at a time (guarantee 13)."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from secrets_app.models import EmbeddedParameter, Revalidation
from secrets_app.store import parameter_store
from secrets_app.sync import reconciling, turns, worker
from secrets_app.sync.freshness import freshness
from tests.factories import (
    audit_rows,
    reconcile_now,
    reconciled_secret,
    secret_paths,
    secret_row,
    secret_versions,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, StoreCalls, kill_process, lose_response
from tests.fixtures.waiting import until

URL = "/apps/d1shop/hosting/secrets/revalidate/"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def seven_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a request wait for seven calls. Each lists ten parameters, in moto."""
    monkeypatch.setattr(reconciling, "REQUEST_CALLS", 7)
    monkeypatch.setattr(reconciling, "PAGE", 10)


def write_many(world: World, number: int) -> None:
    """Write parameters outside, for All branches."""
    for index in range(number):
        write_outside(secret_paths(world, f"KEY_{index:03}")[0])


def forget_last_check() -> None:
    """Make the last reconcile long ago, so that the next page view reconciles again."""
    Revalidation.objects.update(started_at=timezone.now() - timedelta(hours=1))


@pytest.mark.usefixtures("console_on_ssm", "seven_calls")
def test_it_works(
    world: World, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    write_many(world, 120)
    vera = client_for("vera")
    store_calls.clear()
    page = vera.post(URL, headers=FRAGMENT)
    assert store_calls.operations == ["list"] * 7
    assert secret_versions(world) == {}
    assert "Checking against the parameter store" in page.text
    assert 'hx-trigger="load delay:2s"' in page.text
    assert 'name="mode" value="list"' in page.text
    store_calls.clear()
    vera.post(URL, headers=FRAGMENT)  # as the page does every two seconds
    forget_last_check()
    vera.post(URL, headers=FRAGMENT)
    assert store_calls() == 0
    worker.run_once()
    assert len(secret_versions(world)) == 120
    page = vera.post(URL, headers=FRAGMENT)
    assert "Checked against the parameter store" in page.text
    assert "hx-trigger" not in page.text.partition("</div>")[0]
    assert [row.key for row in audit_rows(world, "found.")] == ["120 secrets"]


@pytest.mark.usefixtures("console_on_ssm", "seven_calls")
def test_a_large_app_is_known_without_a_call(
    world: World, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    write_many(world, 125)
    reconcile_now(world)
    forget_last_check()
    store_calls.clear()
    client_for("vera").post(URL, headers=FRAGMENT)
    assert store_calls() == 0
    last = Revalidation.objects.get()
    assert (last.is_waiting, last.expected) == (True, 125)
    worker.run_once()
    assert store_calls("list") == 13
    assert freshness(world.app).state == "fresh"


@pytest.mark.usefixtures("console_on_ssm", "seven_calls")
def test_a_command_does_not_wait_for_the_background(
    world: World, client_for: Callable[[str], Client], manage: Callable[..., Any]
) -> None:
    """Otherwise it would print what is outdated, right after somebody looked at a page."""
    reconcile_now(world)
    write_many(world, 75)
    forget_last_check()
    client_for("vera").post(URL, headers=FRAGMENT)
    assert freshness(world.app).state == "running"
    run = ("drift", "list", "--app", "d1shop", "--as", "vera@example.org")
    assert len(manage(*run).out.splitlines()) == 1 + 75
    assert freshness(world.app).state == "fresh"


@pytest.mark.usefixtures("console_on_ssm", "seven_calls")
def test_a_small_app_is_checked_at_once(
    world: World, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    write_many(world, 55)
    reconcile_now(world)
    write_outside(secret_paths(world, "KEY_000")[0])
    forget_last_check()
    store_calls.clear()
    client_for("vera").post(URL, headers=FRAGMENT)
    assert store_calls("list") == 6
    assert secret_row(world, "KEY_000").version == 2


@pytest.mark.usefixtures("seven_calls")
def test_many_names_to_ask_for(world: World, interrupted: InterruptedStore) -> None:
    reconcile_now(world)
    write_many(world, 40)  # new in a listing, so each is asked for by name
    forget_last_check()
    actor = world.actor("vera")
    assert reconciling.reconcile_for_page(actor=actor, app_id="d1shop").state == "running"
    worker.run_once()
    assert len(secret_versions(world)) == 40


def test_commands_wait(world: World, store_calls: StoreCalls, console_on_ssm: None) -> None:
    write_many(world, 120)
    fresh = reconciling.reconcile(actor=world.actor("vera"), app_id="d1shop")
    assert (fresh.state, len(secret_versions(world))) == ("fresh", 120)


@pytest.mark.parametrize("end", [kill_process, lose_response])
def test_a_partial_listing_removes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, console_on_ssm: None, end: Callable[[], None]
) -> None:
    write_many(world, 60)
    reconcile_now(world)
    store = parameter_store()
    pages = store.pages

    def broken(prefixes: Any) -> Any:
        yield next(pages(prefixes))
        end()

    with monkeypatch.context() as patch:
        patch.setattr(store, "pages", broken)
        try:
            reconciling.reconcile_now(world.app)
        except Killed:
            assert freshness(world.app).state == "running"
    assert set(secret_versions(world).values()) == {1}
    assert audit_rows(world, "found.remove") == []


def test_a_killed_pass_starts_again(
    world: World, interrupted: InterruptedStore, clock: Any
) -> None:
    reconciled_secret(world, "API_KEY")
    write_outside(secret_paths(world, "API_KEY")[0])
    Revalidation.objects.update(is_waiting=True)
    interrupted.after("list", kill_process)
    with pytest.raises(Killed):
        worker.run_once()
    worker.run_once()
    assert secret_row(world, "API_KEY").version == 1  # the killed pass still has its turn
    assert freshness(world.app).state == "running"
    clock.shift(turns.DURATION + timedelta(seconds=1))
    worker.run_once()
    assert secret_row(world, "API_KEY").version == 2
    assert freshness(world.app).state == "fresh"


@pytest.mark.usefixtures("console_on_ssm", "seven_calls")
def test_a_pause_between_two_large_passes(
    world: World, monkeypatch: pytest.MonkeyPatch, store_calls: StoreCalls, clock: Any
) -> None:
    monkeypatch.setattr(turns, "LARGE", 80)
    actor = world.actor("vera")
    write_many(world, 85)
    reconcile_now(world)  # the first, which doesn't know yet how large it will be
    for seconds, state in ((16, "running"), (16, "fresh"), (60, "fresh"), (60, "running")):
        clock.shift(seconds)
        fresh = reconciling.reconcile_for_page(actor=actor, app_id="d1shop")
        assert fresh.state == state, seconds
        worker.run_once()


def test_one_at_a_time(
    world: World, interrupted: InterruptedStore, store_calls: StoreCalls, clock: Any
) -> None:
    reconciled_secret(world, "API_KEY")
    actor = world.actor("vera")
    results: list[Any] = []

    def others() -> None:
        clock.shift(60)  # a listing that takes longer than the interval between two
        results.append(reconciling.reconcile(actor=actor, app_id="d1shop").state)
        results.append(reconciling.reconcile_for_page(actor=actor, app_id="d1shop").state)
        results.append(reconciling.reconcile_now(world.app))
        worker.run_once()

    store_calls.clear()
    interrupted.before("list", others)
    reconciling.reconcile_now(world.app)
    assert results == ["running", "running", False]
    assert store_calls.operations == ["list"]
    assert freshness(world.app).state == "fresh"


def test_a_pass_that_lost_its_turn(world: World, interrupted: InterruptedStore, clock: Any) -> None:
    reconciled_secret(world, "API_KEY")
    seen: list[Any] = []

    def take_over() -> None:
        clock.shift(turns.DURATION + timedelta(seconds=1))
        seen.append(turns.take(world.app))

    interrupted.after("list", take_over)
    reconciling.reconcile_now(world.app)
    assert freshness(world.app).state == "running"  # the other one's
    seen[0].succeed()
    assert freshness(world.app).state == "fresh"


def test_progress(world: World, monkeypatch: pytest.MonkeyPatch, console_on_ssm: None) -> None:
    write_many(world, 25)
    reconcile_now(world)
    monkeypatch.setattr(turns, "RENEWED_EVERY", 0)
    seen: list[tuple[int, int]] = []
    store = parameter_store()
    pages = store.pages

    def watched(prefixes: Any) -> Any:
        for page in pages(prefixes):
            now = freshness(world.app)
            seen.append((now.listed, now.expected))
            yield page

    monkeypatch.setattr(store, "pages", watched)
    reconciling.reconcile_now(world.app)
    assert seen == [(0, 25), (10, 25), (20, 25)]


def test_the_page_shows_progress_and_age(
    world: World, client_for: Callable[[str], Client], clock: Any
) -> None:
    reconciled_secret(world, "API_KEY")
    clock.shift(5 * 60)
    held = {"held_until": timezone.now() + turns.DURATION, "listed": 12_350, "expected": 60_000}
    Revalidation.objects.update(**held)
    page = client_for("vera").get("/apps/d1shop/hosting/secrets/")
    text = " ".join(page.text.split())
    assert "Checking against the parameter store: 12,350 of about 60,000 parameters." in text
    assert "Last checked <time>" in text


def test_the_store_fails_in_the_background(world: World, interrupted: InterruptedStore) -> None:
    reconciled_secret(world, "API_KEY")
    Revalidation.objects.update(is_waiting=True)
    interrupted.before("list", lose_response)
    worker.run_once()
    assert freshness(world.app).state == "unreachable"
    assert not Revalidation.objects.get().is_waiting


@pytest.mark.django_db(transaction=True)
def test_the_thread(seven_calls: None) -> None:
    world = World()
    world.actor("vera")
    for index in range(110):
        path = secret_paths(world, f"KEY_{index:03}")[0]
        EmbeddedParameter.objects.create(path=path, version=1, modified=timezone.now())
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, 30))
    thread.start()
    try:
        fresh = reconciling.reconcile_for_page(actor=world.actor("vera"), app_id="d1shop")
        assert fresh.state == "running"
        until(lambda: freshness(world.app).state == "fresh")  # long before the next 30 seconds
    finally:
        stop.set()
        turns.work.set()
        thread.join()
    assert len(secret_versions(world)) == 110


def test_a_failing_database_does_not_end_the_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    stop = threading.Event()

    def fail() -> bool:
        runs.append(1)
        turns.work.set()
        if len(runs) == 2:
            stop.set()
        raise RuntimeError

    monkeypatch.setattr(worker, "run_once", fail)
    monkeypatch.setattr(worker.connection, "close", lambda: None)
    worker.run(stop, 0.01)
    turns.work.clear()
    assert len(runs) == 2
