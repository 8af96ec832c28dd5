"""Attempts are limited before hashing, and lock nobody out (guarantees 25, 26)."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.test import Client

from console.lib.proxies import parse_proxies
from tests.console.auth.conftest import SIGN_IN, post, recorded
from tests.fixtures.people import PASSWORD, World

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("clock")]


@pytest.fixture(autouse=True)
def _people(world: World) -> None:
    """Create bob and ivan."""
    for name in ("bob", "ivan"):
        world.person(name)


def guess(email: str, times: int, address: str = "203.0.113.7", **more: Any) -> list[int]:
    """Return the statuses of wrong passwords, each from a new browser."""
    return [
        post(Client(REMOTE_ADDR=address), email, f"guess {n}", **more).status_code
        for n in range(times)
    ]


def test_it_works(client: Client) -> None:
    assert guess("bob@example.org", 7) == [200] * 5 + [429] * 2
    right = post(client, "bob@example.org")
    assert right.status_code == 429  # not even with the right password
    assert "Too many attempts" in right.text
    assert right["Retry-After"] == "300"
    assert client.get("/").status_code == 302


def test_it_is_recorded_once(client: Client) -> None:
    guess("bob@example.org", 9)
    assert recorded("session.limited") == [("Someone not signed in", "bob@example.org", ["denied"])]


@pytest.mark.parametrize("email", ["BOB@example.org", " bob@example.org"])
def test_spelling_of_the_email_does_not_matter(client: Client, email: str) -> None:
    guess("bob@example.org", 5)
    assert post(client, email).status_code == 429


def test_port_does_not_matter(client: Client) -> None:
    hosts = [{"host": f"localhost:{port}"} for port in range(8000, 8006)]
    statuses = [
        post(client, "bob@example.org", "guess", headers=host).status_code for host in hosts
    ]
    assert statuses == [200] * 5 + [429]


def test_unknown_users_get_the_same_responses() -> None:
    assert guess("nobody@example.org", 6, "203.0.113.8") == guess("bob@example.org", 6)
    assert guess("ivan@example.org", 6, "203.0.113.9") == [200] * 5 + [429]


class RecordingHasher(MD5PasswordHasher):
    """A hasher that records what it hashes."""

    hashed: ClassVar[list[str]] = []

    def encode(self, password: str, salt: str) -> str:
        """Record the password and hash it."""
        self.hashed.append(password)
        return super().encode(password, salt)


@pytest.fixture
def hashed(settings: Any, world: World) -> list[str]:
    """Return the passwords that were hashed."""
    settings.PASSWORD_HASHERS = [f"{__name__}.RecordingHasher"]
    bob = world.person("bob")
    bob.set_password(PASSWORD)
    bob.save()
    RecordingHasher.hashed.clear()
    return RecordingHasher.hashed


def test_same_number_of_hashes_for_unknown_users(hashed: list[str]) -> None:
    guess("bob@example.org", 1)
    assert hashed == ["guess 0"]
    guess("nobody@example.org", 1)
    assert hashed == ["guess 0"] * 2


def test_nothing_is_hashed_beyond_the_limit(hashed: list[str]) -> None:
    guess("bob@example.org", 5)
    hashed.clear()
    guess("bob@example.org", 3)
    assert hashed == []


def test_limit_per_address() -> None:
    statuses = [guess(f"{n}@example.org", 1)[0] for n in range(12)]
    assert statuses == [200] * 10 + [429] * 2


def test_other_addresses_can_still_sign_in(client: Client) -> None:
    for number in range(12):
        guess(f"{number}@example.org", 1)
    assert post(client, "bob@example.org", REMOTE_ADDR="203.0.113.8").status_code == 302


def test_ipv6_addresses_count_per_network() -> None:
    statuses = [guess(f"{n}@example.org", 1, f"2001:db8::{n + 1}")[0] for n in range(11)]
    assert statuses[-1] == 429


def test_known_browser_is_not_locked_out_by_others(sign_in_bob: Callable[..., Client]) -> None:
    browser = sign_in_bob()
    browser.post("/accounts/logout/")
    assert guess("bob@example.org", 8, "203.0.113.9")[-1] == 429
    for number in range(12):  # nor by other users of the same network
        guess(f"{number}@example.org", 1)
    assert post(browser, "bob@example.org").status_code == 302


def test_known_browser_has_a_limit(sign_in_bob: Callable[..., Client]) -> None:
    browser = sign_in_bob()
    browser.post("/accounts/logout/")
    statuses = [post(browser, "bob@example.org", f"guess {n}").status_code for n in range(7)]
    assert statuses == [200] * 5 + [429] * 2


def test_browser_is_known_for_one_account(sign_in_bob: Callable[..., Client], world: World) -> None:
    world.person("mia")
    browser = sign_in_bob()
    browser.post("/accounts/logout/")
    guess("mia@example.org", 5)
    assert post(browser, "mia@example.org").status_code == 429


@pytest.mark.parametrize("cookie", ["x", "a:b:c", "W10:1:x", ""])
def test_forged_cookie(client: Client, cookie: str) -> None:
    guess("bob@example.org", 5)
    client.cookies["known"] = cookie
    assert post(client, "bob@example.org").status_code == 429


def test_cookie_reveals_nothing(sign_in_bob: Callable[..., Client]) -> None:
    cookie = sign_in_bob().cookies["known"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert "bob" not in cookie.value
    stranger = Client()
    stranger.cookies["known"] = cookie.value
    assert stranger.get("/").status_code == 302


def test_address_follows_the_proxy_setting(settings: Any) -> None:
    def from_everywhere() -> list[int]:
        return [
            guess(f"{n}@example.org", 1, headers={"X-Forwarded-For": f"198.51.100.{n}"})[0]
            for n in range(11)
        ]

    settings.PROXIES = parse_proxies("1")
    assert from_everywhere() == [200] * 11
    settings.PROXIES = parse_proxies("")
    assert from_everywhere()[-1] == 429


def test_limits_are_shared_by_processes() -> None:
    guess("bob@example.org", 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM console_cache")
        assert cursor.fetchone()[0] > 0  # an in-memory cache would count per process


def test_many_other_counters_do_not_evict_a_limit(client: Client) -> None:
    guess("bob@example.org", 5)
    for n in range(310):
        cache.set(f"z{n}", n)
    assert post(client, "bob@example.org").status_code == 429


def test_invalid_email_is_no_attempt(client: Client) -> None:
    for _ in range(12):
        assert client.post(SIGN_IN, {"login": "no address", "password": "x"}).status_code == 200
    assert post(client, "bob@example.org").status_code == 302


def test_limit_on_confirming_a_password(sign_in_bob: Callable[..., Client]) -> None:
    browser = sign_in_bob()
    form = "/accounts/reauthenticate/"
    statuses = [browser.post(form, {"password": f"guess {n}"}).status_code for n in range(6)]
    assert statuses == [200] * 5 + [429]
