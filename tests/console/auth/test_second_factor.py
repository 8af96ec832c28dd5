"""Second factors: authenticator apps, recovery codes, and who must have one (guarantee 27)."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client, TestCase

from console.auth import encryption
from console.auth.reauthentication import _KEY
from console.auth.session_backend import SessionStore
from console.models import Session
from tests.console.auth.conftest import SIGN_IN, post, recorded
from tests.fixtures.people import PASSWORD, World

pytestmark = pytest.mark.usefixtures("clock")

CODE = "/accounts/code/"
INDEX = "/accounts/second-factor/"
APP = f"{INDEX}app/add/"
REMOVE_APP = f"{INDEX}app/remove/"
RECOVERY = f"{INDEX}recovery-codes/"
Browser = Callable[..., Client]


def code_of(secret: str) -> str:
    """Return the current code of an authenticator app, and allow it again."""
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def set_up(client: Client) -> str:
    """Set up an authenticator app and return its secret."""
    secret = str(client.get(APP).context["form"].secret)
    activate(client, code_of(secret))
    return secret


def activate(client: Client, code: str) -> None:
    """Post the app's first code, and run the on-commit callbacks."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert client.post(APP, {"code": code})["Location"] == INDEX


def make_codes(client: Client) -> list[str]:
    """Generate recovery codes and return them as the page shows them."""
    return re.findall(r'<li class="mono">(\S+)', client.post(RECOVERY).text)


def age(client: Client, seconds: float) -> None:
    """Make the session's last confirmation this much older."""
    session = client.session
    session[_KEY] -= seconds
    session.save()


def needs_second_factor(client: Client) -> bool:
    """Return True if a correct password alone does not sign in."""
    response = post(client, "bob@example.org")
    assert response.status_code == 302
    assert client.get("/").status_code == (302 if response["Location"] == CODE else 200)
    return bool(response["Location"] == CODE)


def test_it_works(sign_in_bob: Browser, client: Client) -> None:
    browser = sign_in_bob()
    page = browser.get(APP)
    assert "<svg" in page.text
    assert page.context["form"].secret in page.text
    secret = set_up(browser)
    assert needs_second_factor(client)
    response = client.post(CODE, {"code": code_of(secret)})
    assert response["Location"] == "/"
    assert client.get("/").status_code == 200
    assert recorded("factor.add") == [("bob@example.org", "an authenticator app", ["succeeded"])]


def test_no_cache_keeps_the_secret(sign_in_bob: Browser) -> None:
    browser = sign_in_bob()
    for page in (browser.get(APP), browser.post(APP, {"code": "000000"})):
        assert page.context["form"].secret in page.text
        assert "no-store" in page["Cache-Control"]


def test_redirects_to_the_requested_page(sign_in_bob: Browser, client: Client) -> None:
    secret = set_up(sign_in_bob())
    form = {"login": "bob@example.org", "password": PASSWORD, "next": "/apps/d1shop/"}
    client.post(SIGN_IN, form)
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/apps/d1shop/"


@pytest.mark.parametrize("code", ["", "000000", "12345", "x" * 5000, "\0", "١٢٣٤٥٦", "AAAA-BBBB"])
def test_wrong_code(sign_in_bob: Browser, client: Client, code: str) -> None:
    set_up(sign_in_bob())
    assert needs_second_factor(client)
    assert client.post(CODE, {"code": code}).status_code == 200
    assert client.get("/").status_code == 302


def test_wrong_code_is_recorded(sign_in_bob: Browser, client: Client) -> None:
    set_up(sign_in_bob())
    needs_second_factor(client)
    client.post(CODE, {"code": "AAAA"})
    assert recorded("session.sign_in")[-1] == (
        "Someone not signed in",
        "bob@example.org",
        ["denied"],
    )


def test_code_works_once(sign_in_bob: Browser, world: World) -> None:
    secret = set_up(sign_in_bob())
    code, thief = code_of(secret), Client()
    for client, status in ((Client(), 302), (thief, 200)):
        assert needs_second_factor(client)
        assert client.post(CODE, {"code": code}).status_code == status
    assert thief.get("/").status_code == 302


def test_code_of_the_setup_is_consumed(sign_in_bob: Browser, client: Client) -> None:
    browser = sign_in_bob()
    secret = browser.get(APP).context["form"].secret
    code = code_of(secret)
    activate(browser, code)
    needs_second_factor(client)
    assert client.post(CODE, {"code": code}).status_code == 200


def test_rate_limit(sign_in_bob: Browser) -> None:
    set_up(sign_in_bob())
    guesser = Client(REMOTE_ADDR="198.51.100.1")
    needs_second_factor(guesser)
    statuses = [guesser.post(CODE, {"code": f"{n:06}"}).status_code for n in range(6)]
    assert statuses == [200] * 5 + [429]
    assert recorded("session.limited")
    assert guesser.get("/").status_code == 302


def test_wrong_code_at_setup(sign_in_bob: Browser) -> None:
    browser = sign_in_bob()
    browser.get(APP)
    assert browser.post(APP, {"code": "AAAA"}).status_code == 200
    assert not Authenticator.objects.exists()


def test_secrets_are_encrypted(sign_in_bob: Browser, settings: Any) -> None:
    secret = set_up(sign_in_bob())
    row = Authenticator.objects.get()
    assert secret not in str(row.data)
    assert secret not in str([SessionStore(it.session_key).load() for it in Session.objects.all()])
    assert encryption.decrypt(row.data["secret"]) == secret
    settings.ENCRYPTION_KEYS = ["a-newer-key", *settings.ENCRYPTION_KEYS]
    assert encryption.decrypt(row.data["secret"]) == secret


def test_lost_encryption_key(sign_in_bob: Browser, client: Client, settings: Any) -> None:
    set_up(sign_in_bob())
    settings.ENCRYPTION_KEYS, settings.SECRET_KEY = ["another"], "another" * 8
    post(client, "bob@example.org")
    response = client.post(CODE, {"code": "000000"})
    assert response.status_code == 403
    assert "Ask an operator" in response.text


def test_setup_ends_other_sessions(sign_in_bob: Browser) -> None:
    browser, other = sign_in_bob("Lynx"), sign_in_bob("Links")
    set_up(browser)
    assert browser.get("/").status_code == 200
    assert other.get("/").status_code == 302


def test_removing_the_app(sign_in_bob: Browser, client: Client) -> None:
    browser = sign_in_bob()
    set_up(browser)
    make_codes(browser)
    assert browser.post(REMOVE_APP)["Location"] == INDEX
    assert not Authenticator.objects.exists()
    assert not needs_second_factor(client)
    assert [subject for _, subject, _ in recorded("factor.remove")]


@pytest.mark.parametrize("url", [APP, REMOVE_APP, RECOVERY, f"{INDEX}passkeys/add/"])
def test_changes_need_reauthentication(sign_in_bob: Browser, url: str) -> None:
    browser = sign_in_bob()
    if url in {REMOVE_APP, RECOVERY}:
        set_up(browser)
    age(browser, 16 * 60)
    assert Client().post(url)["Location"].startswith(SIGN_IN)
    leads = browser.get(url)["Location"]
    assert leads.startswith("/accounts/reauthenticate/?next=")
    assert browser.post(leads, {"password": "wrong"}).status_code == 200
    assert browser.post(leads, {"password": PASSWORD})["Location"] == url
    assert browser.get(url).status_code == 200


def test_posted_form_continues_after_reauthentication(sign_in_bob: Browser) -> None:
    browser = sign_in_bob()
    set_up(browser)
    age(browser, 16 * 60)
    leads = browser.post(REMOVE_APP)["Location"]
    assert Authenticator.objects.exists()
    browser.post(leads, {"password": PASSWORD})
    assert not Authenticator.objects.exists()


def test_reauthenticate_with_a_code(sign_in_bob: Browser) -> None:
    browser = sign_in_bob()
    secret = set_up(browser)
    age(browser, 16 * 60)
    form = "/accounts/reauthenticate/code/?next=/accounts/second-factor/app/remove/"
    assert browser.post(form, {"code": "AAAA"}).status_code == 200
    assert browser.get(REMOVE_APP).status_code == 302
    assert browser.post(form, {"code": code_of(secret)})["Location"] == REMOVE_APP
    assert browser.get(REMOVE_APP).status_code == 200
    assert recorded("session.confirm") == [
        ("bob@example.org", "bob@example.org", ["denied"]),
        ("bob@example.org", "mfa", ["succeeded"]),
    ]


def test_admin_needs_it(world: World, client: Client) -> None:
    world.person("olga")
    olga = Client()
    post(olga, "olga@example.org")
    secret = set_up(olga)
    assert post(client, "olga@example.org")["Location"] == CODE
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    client.post(CODE, {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200


def test_operator_resets_it(
    sign_in_bob: Browser, client_for: Callable[[str], Client], client: Client
) -> None:
    browser = sign_in_bob()
    set_up(browser)
    make_codes(browser)
    app = Authenticator.objects.get(type="totp")
    olga = client_for("olga")
    shown = olga.get(f"/admin/mfa/authenticator/{app.pk}/change/").text
    assert "bob@example.org" in shown
    assert app.data["secret"] not in shown
    form = {"action": "reset_factors", "_selected_action": app.user_id, "confirmed": "yes"}
    [link] = set(re.findall(r"/accounts/link/\S+?/", olga.post("/admin/console/user/", form).text))
    assert Client().post(link, {"password": PASSWORD}).status_code == 302
    assert not Authenticator.objects.exists()
    assert not needs_second_factor(client)


@pytest.mark.parametrize("by", ["themselves", "operator", "disabled"])
def test_pending_sign_in_ends_with_a_new_password(
    sign_in_bob: Browser, client: Client, client_for: Callable[[str], Client], world: World, by: str
) -> None:
    """The old password and a valid code are not enough once the password has changed."""
    browser = sign_in_bob()
    secret = set_up(browser)
    assert needs_second_factor(client)
    new = {"password1": "another one 1", "password2": "another one 1"}
    bob = world.person("bob")
    if by == "themselves":
        response = browser.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    elif by == "operator":
        shown = client_for("olga").post(f"/admin/console/user/{bob.pk}/password/").text
        [link] = set(re.findall(r"/accounts/link/\S+?/", shown))
        response = Client().post(link, new)
    else:
        chosen = {"action": "disable", "_selected_action": bob.pk, "confirmed": "yes"}
        response = client_for("olga").post("/admin/console/user/", chosen)
    assert response.status_code == 302
    before = len(recorded("session.sign_in"))
    response = client.post(CODE, {"code": code_of(secret)}, follow=True)
    assert response.redirect_chain == [(SIGN_IN, 302)]
    assert "Sign in again." in response.text
    assert client.get("/").status_code == 302
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == SIGN_IN  # nor again
    assert len(recorded("session.sign_in")) == before
