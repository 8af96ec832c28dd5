"""TLS on another port than 443, behind nginx as in docs/deploy.md."""

import pytest

from tests.fixtures.nginx import HOST
from tests.proxy.browser import Browser
from tests.proxy.site import EMAIL, PASSWORD, SIGN_IN, Site

pytestmark = pytest.mark.slow


def test_it_works(site: Site) -> None:
    """ALLOWED_HOSTS has no port, and BASE_URL isn't set."""
    browser = Browser(site.nginx, host=f"{HOST}:{site.nginx.https}")
    response = browser.post(SIGN_IN, {"login": EMAIL, "password": PASSWORD})
    assert (response.status, response.headers["Location"]) == (302, "/")
    apps = browser.get("/")
    assert (apps.status, "Sample shop" in apps.text) == (200, True)


def test_form_of_another_port(site: Site) -> None:
    browser = Browser(site.nginx, host=f"{HOST}:{site.nginx.https}")
    fields = {"login": EMAIL, "password": PASSWORD}
    response = browser.post(SIGN_IN, fields, Origin=f"https://{HOST}:1")
    assert response.status == 403
    assert "Branchkeep is set up for another address" in response.text
    assert f"Branchkeep&#x27;s address is https://{browser.host}." in response.text
