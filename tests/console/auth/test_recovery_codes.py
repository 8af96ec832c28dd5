"""Recovery codes: shown once, good for one sign-in each, replaced as a set (guarantee 27)."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from console.auth.mfa import recovery_codes
from tests.console.auth.test_second_factor import (
    CODE,
    INDEX,
    RECOVERY,
    Browser,
    make_codes,
    needs_second_factor,
    set_up,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.usefixtures("clock")


def test_it_works(sign_in_bob: Browser, client: Client) -> None:
    browser = sign_in_bob()
    set_up(browser)
    codes = make_codes(browser)
    assert len(set(codes)) == 10
    assert needs_second_factor(client)
    assert client.post(CODE, {"code": codes[3].lower()}).status_code == 302
    assert client.get("/").status_code == 200
    assert "You have 9 codes left" in browser.get(RECOVERY).text


def test_recovery_code_works_once(sign_in_bob: Browser) -> None:
    browser = sign_in_bob()
    set_up(browser)
    code = make_codes(browser)[0]
    for client, status in ((Client(), 302), (Client(), 200)):
        needs_second_factor(client)
        assert client.post(CODE, {"code": code}).status_code == status


def test_new_recovery_codes_replace_the_old(sign_in_bob: Browser, client: Client) -> None:
    browser = sign_in_bob()
    set_up(browser)
    old, new = make_codes(browser), make_codes(browser)
    needs_second_factor(client)
    assert client.post(CODE, {"code": old[0]}).status_code == 200
    assert client.post(CODE, {"code": new[0]}).status_code == 302


def test_recovery_codes_are_hashed_and_shown_once(sign_in_bob: Browser) -> None:
    browser = sign_in_bob()
    set_up(browser)
    response = browser.post(RECOVERY)
    assert "no-store" in response["Cache-Control"]
    code = re.findall(r'<li class="mono">(\S+)', response.text)[0]
    kept = str(Authenticator.objects.get(type="recovery_codes").data)
    assert code not in kept
    assert code.replace("-", "") not in kept
    assert code not in browser.get(RECOVERY).text
    assert code not in browser.get(INDEX).text


def test_recovery_code_of_another_user(world: World) -> None:
    codes = recovery_codes.generate(world.person("mia"))
    assert recovery_codes.consume(world.person("bob"), codes[0]) is None
    assert recovery_codes.remaining(world.person("mia")) == 10


def test_no_recovery_codes_without_an_app(sign_in_bob: Browser) -> None:
    browser = sign_in_bob()
    assert browser.post(RECOVERY)["Location"] == INDEX
    assert not Authenticator.objects.exists()
