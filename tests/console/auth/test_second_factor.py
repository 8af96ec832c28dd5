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

from console.auth import encryption, recovery_codes
from console.auth.reauthentication import _KEY
from console.auth.session_backend import SessionStore
from console.models import Session
from tests.console.auth.conftest import SIGN_IN, post, recorded
from tests.fixtures.people import PASSWORD, World

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("clock")]

CODE = "/accounts/code/"
INDEX = "/accounts/second-factor/"
APP = f"{INDEX}app/add/"
REMOVE_APP = f"{INDEX}app/remove/"
RECOVERY = f"{INDEX}recovery-codes/"
Browser = Callable[..., Client]


def code_of(secret: str) -> str:
    """Return what an authenticator app shows now, and forget that it was used."""
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def set_up(client: Client) -> str:
    """Set an app up as a person does; return its secret."""
    secret = str(client.get(APP).context["form"].secret)
    activate(client, code_of(secret))
    return secret


def activate(client: Client, code: str) -> None:
    """Post the app's first code; what waits for the commit happens too."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert client.post(APP, {"code": code})["Location"] == INDEX


def make_codes(client: Client) -> list[str]:
    """Make recovery codes as a person does; return them as the page shows them."""
    return re.findall(r'<li class="mono">(\S+)', client.post(RECOVERY).text)


def age(client: Client, seconds: float) -> None:
    """Let so much time pass since the last confirmation."""
    session = client.session
    session[_KEY] -= seconds
    session.save()


def asked(client: Client) -> bool:
    """Say whether a right password is not enough."""
    answer = post(client, "bob@example.org")
    assert answer.status_code == 302
    assert client.get("/").status_code == (302 if answer["Location"] == CODE else 200)
    return bool(answer["Location"] == CODE)


def test_it_works(bobs: Browser, client: Client) -> None:
    browser = bobs()
    page = browser.get(APP)
    assert "<svg" in page.text
    assert page.context["form"].secret in page.text
    secret = set_up(browser)
    assert asked(client)
    answer = client.post(CODE, {"code": code_of(secret)})
    assert answer["Location"] == "/"
    assert client.get("/").status_code == 200
    assert recorded("factor.add") == [("bob@example.org", "an authenticator app", ["succeeded"])]


def test_the_page_leads_on_to_where_one_wanted(bobs: Browser, client: Client) -> None:
    secret = set_up(bobs())
    form = {"login": "bob@example.org", "password": PASSWORD, "next": "/apps/d1shop/"}
    client.post(SIGN_IN, form)
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/apps/d1shop/"


@pytest.mark.parametrize("code", ["", "000000", "12345", "x" * 5000, "\0", "١٢٣٤٥٦", "AAAA-BBBB"])
def test_a_wrong_code(bobs: Browser, client: Client, code: str) -> None:
    set_up(bobs())
    assert asked(client)
    assert client.post(CODE, {"code": code}).status_code == 200
    assert client.get("/").status_code == 302


def test_a_wrong_code_is_recorded(bobs: Browser, client: Client) -> None:
    set_up(bobs())
    asked(client)
    client.post(CODE, {"code": "AAAA"})
    assert recorded("session.sign_in")[-1] == (
        "Someone not signed in",
        "bob@example.org",
        ["denied"],
    )


def test_a_code_works_once(bobs: Browser, world: World) -> None:
    secret = set_up(bobs())
    code, thief = code_of(secret), Client()
    for client, status in ((Client(), 302), (thief, 200)):
        assert asked(client)
        assert client.post(CODE, {"code": code}).status_code == status
    assert thief.get("/").status_code == 302


def test_the_code_that_set_it_up_is_used(bobs: Browser, client: Client) -> None:
    browser = bobs()
    secret = browser.get(APP).context["form"].secret
    code = code_of(secret)
    activate(browser, code)
    asked(client)
    assert client.post(CODE, {"code": code}).status_code == 200


def test_codes_are_limited(bobs: Browser) -> None:
    set_up(bobs())
    guesser = Client(REMOTE_ADDR="198.51.100.1")
    asked(guesser)
    statuses = [guesser.post(CODE, {"code": f"{n:06}"}).status_code for n in range(6)]
    assert statuses == [200] * 5 + [429]
    assert recorded("session.limited")
    assert guesser.get("/").status_code == 302


def test_a_wrong_code_sets_nothing_up(bobs: Browser) -> None:
    browser = bobs()
    browser.get(APP)
    assert browser.post(APP, {"code": "AAAA"}).status_code == 200
    assert not Authenticator.objects.exists()


def test_secrets_are_sealed(bobs: Browser, settings: Any) -> None:
    secret = set_up(bobs())
    row = Authenticator.objects.get()
    assert secret not in str(row.data)
    assert secret not in str([SessionStore(it.session_key).load() for it in Session.objects.all()])
    assert encryption.decrypt(row.data["secret"]) == secret
    settings.ENCRYPTION_KEYS = ["a-newer-key", *settings.ENCRYPTION_KEYS]
    assert encryption.decrypt(row.data["secret"]) == secret


def test_a_lost_key_is_told(bobs: Browser, client: Client, settings: Any) -> None:
    set_up(bobs())
    settings.ENCRYPTION_KEYS, settings.SECRET_KEY = ["another"], "another" * 8
    post(client, "bob@example.org")
    answer = client.post(CODE, {"code": "000000"})
    assert answer.status_code == 403
    assert "Ask an operator" in answer.text


def test_sessions_from_before_end(bobs: Browser) -> None:
    browser, other = bobs("Lynx"), bobs("Links")
    set_up(browser)
    assert browser.get("/").status_code == 200
    assert other.get("/").status_code == 302


def test_recovery_codes(bobs: Browser, client: Client) -> None:
    browser = bobs()
    set_up(browser)
    codes = make_codes(browser)
    assert len(set(codes)) == 10
    assert asked(client)
    assert client.post(CODE, {"code": codes[3].lower()}).status_code == 302
    assert client.get("/").status_code == 200
    assert "You have 9 codes left" in browser.get(RECOVERY).text


def test_a_recovery_code_works_once(bobs: Browser) -> None:
    browser = bobs()
    set_up(browser)
    code = make_codes(browser)[0]
    for client, status in ((Client(), 302), (Client(), 200)):
        asked(client)
        assert client.post(CODE, {"code": code}).status_code == status


def test_new_codes_take_the_place_of_the_old(bobs: Browser, client: Client) -> None:
    browser = bobs()
    set_up(browser)
    old, new = make_codes(browser), make_codes(browser)
    asked(client)
    assert client.post(CODE, {"code": old[0]}).status_code == 200
    assert client.post(CODE, {"code": new[0]}).status_code == 302


def test_recovery_codes_are_hashed_and_shown_once(bobs: Browser) -> None:
    browser = bobs()
    set_up(browser)
    answer = browser.post(RECOVERY)
    assert "no-store" in answer["Cache-Control"]
    code = re.findall(r'<li class="mono">(\S+)', answer.text)[0]
    kept = str(Authenticator.objects.get(type="recovery_codes").data)
    assert code not in kept
    assert code.replace("-", "") not in kept
    assert code not in browser.get(RECOVERY).text
    assert code not in browser.get(INDEX).text


def test_nobody_uses_anothers_codes(world: World) -> None:
    codes = recovery_codes.generate(world.person("mia"))
    assert recovery_codes.consume(world.person("bob"), codes[0]) is None
    assert recovery_codes.remaining(world.person("mia")) == 10


def test_there_are_none_without_a_factor(bobs: Browser) -> None:
    browser = bobs()
    assert browser.post(RECOVERY)["Location"] == INDEX
    assert not Authenticator.objects.exists()


def test_removing_the_app(bobs: Browser, client: Client) -> None:
    browser = bobs()
    set_up(browser)
    make_codes(browser)
    assert browser.post(REMOVE_APP)["Location"] == INDEX
    assert not Authenticator.objects.exists()
    assert not asked(client)
    assert [subject for _, subject, _ in recorded("factor.remove")]


@pytest.mark.parametrize("url", [APP, REMOVE_APP, RECOVERY, f"{INDEX}passkeys/add/"])
def test_who_changes_it_confirms_who_he_is(bobs: Browser, url: str) -> None:
    browser = bobs()
    if url in {REMOVE_APP, RECOVERY}:
        set_up(browser)
    age(browser, 16 * 60)
    assert Client().post(url)["Location"].startswith(SIGN_IN)
    leads = browser.get(url)["Location"]
    assert leads.startswith("/accounts/reauthenticate/?next=")
    assert browser.post(leads, {"password": "wrong"}).status_code == 200
    assert browser.post(leads, {"password": PASSWORD})["Location"] == url
    assert browser.get(url).status_code == 200


def test_what_was_posted_happens_once_it_is_confirmed(bobs: Browser) -> None:
    browser = bobs()
    set_up(browser)
    age(browser, 16 * 60)
    leads = browser.post(REMOVE_APP)["Location"]
    assert Authenticator.objects.exists()
    browser.post(leads, {"password": PASSWORD})
    assert not Authenticator.objects.exists()


def test_confirming_with_a_code(bobs: Browser) -> None:
    browser = bobs()
    secret = set_up(browser)
    age(browser, 16 * 60)
    form = "/accounts/reauthenticate/code/?next=/accounts/second-factor/app/remove/"
    assert browser.post(form, {"code": "AAAA"}).status_code == 200
    assert browser.get(REMOVE_APP).status_code == 302
    assert browser.post(form, {"code": code_of(secret)})["Location"] == REMOVE_APP
    assert browser.get(REMOVE_APP).status_code == 200
    assert recorded("session.confirm") == [("bob@example.org", "mfa", ["succeeded"])]


def test_the_admin_asks_for_it_too(world: World, client: Client) -> None:
    world.person("olga")
    olga = Client()
    post(olga, "olga@example.org")
    secret = set_up(olga)
    assert post(client, "olga@example.org")["Location"] == CODE
    assert client.get("/admin/")["Location"].startswith("/admin/login/")
    client.post(CODE, {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200


def test_an_operator_takes_it_from_who_lost_it(
    bobs: Browser, as_: Callable[[str], Client], client: Client
) -> None:
    browser = bobs()
    set_up(browser)
    make_codes(browser)
    app = Authenticator.objects.get(type="totp")
    olga = as_("olga")
    shown = olga.get(f"/admin/mfa/authenticator/{app.pk}/change/").text
    assert "bob@example.org" in shown
    assert app.data["secret"] not in shown
    olga.post(f"/admin/mfa/authenticator/{app.pk}/delete/", {"post": "yes"})
    assert not Authenticator.objects.exists()
    assert not asked(client)
    assert recorded("factor.remove") == [
        ("olga@example.org", "an authenticator app of bob@example.org", ["succeeded"])
    ]


@pytest.mark.parametrize(
    ("who", "required", "led"),
    [
        ("vera", "off", False),
        ("olga", "off", False),
        ("vera", "all", True),
        ("olga", "all", True),
        ("bob", "maintainers", False),
        ("charlie", "maintainers", False),
        ("mia", "maintainers", True),
        ("alice", "maintainers", True),
        ("olga", "maintainers", True),
    ],
)
def test_who_has_to_is_led_to_it(
    settings: Any, as_: Callable[[str], Client], who: str, required: str, led: bool
) -> None:
    settings.REQUIRE_MFA = required
    answer = as_(who).get("/")
    assert answer.get("Location") == (INDEX if led else None)


@pytest.fixture
def all_have_to(settings: Any, bobs: Browser) -> Client:
    """Return a browser of bob's where he has to have a second factor, and has none."""
    settings.REQUIRE_MFA = "all"
    return bobs()


@pytest.mark.parametrize("url", ["/", "/apps/d1shop/", "/accounts/sessions/", "/admin/", RECOVERY])
def test_who_has_to_sees_nothing_else(all_have_to: Client, url: str) -> None:
    assert all_have_to.get(url)["Location"] == INDEX
    assert all_have_to.post(url).status_code == 403
    assert all_have_to.get(url, headers={"HX-Request": "true"}).status_code == 403


def test_who_has_to_sets_it_up_and_goes_on(all_have_to: Client) -> None:
    assert "You need a second factor" in all_have_to.get(INDEX).text
    set_up(all_have_to)
    assert all_have_to.get("/").status_code == 200
    assert "asks you for" not in all_have_to.get(INDEX).text


def test_who_has_to_can_sign_out(all_have_to: Client) -> None:
    assert all_have_to.post("/accounts/logout/")["Location"] == SIGN_IN


@pytest.mark.parametrize("url", ["/healthz", SIGN_IN])
def test_what_is_open_to_all_stays_so(all_have_to: Client, url: str) -> None:
    assert Client().get(url).status_code == 200
    assert all_have_to.get("/healthz").status_code == 200


@pytest.mark.parametrize("by", ["himself", "operator", "disabled"])
def test_half_a_sign_in_ends_with_the_password(
    bobs: Browser, client: Client, as_: Callable[[str], Client], world: World, by: str
) -> None:
    """Who has the old password, and the app too, does not come in once it is changed."""
    browser = bobs()
    secret = set_up(browser)
    assert asked(client)
    new = {"password1": "another one 1", "password2": "another one 1"}
    bob = world.person("bob")
    if by == "himself":
        answer = browser.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    elif by == "operator":
        page = f"/admin/console/user/{bob.pk}/password/"
        answer = as_("olga").post(page, {**new, "usable_password": "true"})
    else:
        chosen = {"action": "disable", "_selected_action": bob.pk, "confirmed": "yes"}
        answer = as_("olga").post("/admin/console/user/", chosen)
    assert answer.status_code == 302
    before = len(recorded("session.sign_in"))
    answer = client.post(CODE, {"code": code_of(secret)}, follow=True)
    assert answer.redirect_chain == [(SIGN_IN, 302)]
    assert "Sign in again." in answer.text
    assert client.get("/").status_code == 302
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == SIGN_IN  # nor a second time
    assert len(recorded("session.sign_in")) == before
