"""What the settings of sign-in may be, and what stops the start."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.console.server.test_production import start as start  # a fixture

OIDC = {
    "OIDC_ISSUER": "https://login.example.org/",
    "OIDC_CLIENT_ID": "console",
    "OIDC_CLIENT_SECRET": "secret",
}


def test_it_works(start: Callable[..., Any]) -> None:
    settings = start()
    times = (settings.SESSION_IDLE, settings.SESSION_LIFE, settings.REAUTHENTICATE)
    assert times == (timedelta(minutes=60), timedelta(hours=12), timedelta(minutes=15))
    assert settings.SESSION_COOKIE_AGE == 12 * 3600
    assert (settings.REQUIRE_MFA, settings.PASSWORD_SIGN_IN) == ("off", True)
    assert settings.SOCIALACCOUNT_PROVIDERS == {}
    assert settings.PROXIES.count == 0


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("SESSION_IDLE_MINUTES", "4", "at least 5"),
        ("SESSION_IDLE_MINUTES", "an hour", "a whole number"),
        ("SESSION_IDLE_MINUTES", "", "a whole number"),
        ("SESSION_HOURS", "0", "at least 1"),
        ("SESSION_HOURS", "9" * 40, "a whole number"),
        ("REAUTHENTICATE_MINUTES", "-1", "at least 0"),
        ("REQUIRE_MFA", "some", "“off”, “maintainers” or “all”"),
        ("TRUSTED_PROXIES", "proxy.example.org", "number of proxies"),
        ("OIDC_ISSUER", "http://login.example.org", "starting with https://"),
        ("OIDC_ISSUER", "https://login.example.org", "OIDC_CLIENT_ID is not set"),
        ("OIDC_ISSUER", "https://[", "starting with https://"),
        ("OIDC_ISSUER", f"https://login.example.org/{'x' * 200}", "longer than 200 characters"),
        ("OIDC_SCOPES", "profile,openid", "Add “openid”"),
        ("PASSWORD_SIGN_IN", "false", "nobody could sign in"),
    ],
)
def test_invalid_settings(start: Callable[..., Any], name: str, value: str, error: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=error):
        start(**{name: value})


def test_single_sign_on(start: Callable[..., Any]) -> None:
    settings = start(**OIDC, OIDC_GROUPS="a=b", PASSWORD_SIGN_IN="false", OIDC_SCOPES="openid x")
    [app] = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    assert app["settings"] == {
        "server_url": "https://login.example.org",
        "scope": ["openid", "x"],
    }
    assert app["secret"] == "secret"
    assert settings.ACCOUNT_DEFAULT_HTTP_PROTOCOL == "https"  # the proxy's, in the way back
    assert (settings.OIDC_GROUPS, settings.PASSWORD_SIGN_IN) == ({"a": "b"}, False)


def test_proxies(start: Callable[..., Any]) -> None:
    assert start(TRUSTED_PROXIES="2").PROXIES.count == 2
    assert len(start(TRUSTED_PROXIES="10.0.0.0/8, ::1").PROXIES.networks) == 2


@pytest.mark.parametrize("ending", ["", "/", "/.well-known/openid-configuration"])
def test_issuer_notation(start: Callable[..., Any], ending: str) -> None:
    settings = start(**OIDC | {"OIDC_ISSUER": f"https://login.example.org/realms/team{ending}"})
    assert settings.OIDC_ISSUER == "https://login.example.org/realms/team"
