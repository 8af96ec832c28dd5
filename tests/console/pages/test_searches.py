"""Any input in a search box or query string gives a page, never an error."""

import pytest
from django.test import Client

from secrets_app.models import Secret
from tests.fixtures.people import World

pytestmark = pytest.mark.both_databases
ODD: tuple[str | bytes, ...] = (
    "a\0b",
    b"\xed\xa0\x80\xff",  # no UTF-8
    "'\"`;--",
    "%_\\",
    "x" * 3000,
    "İı",
    "🚀",
    "\r\n\t\x1b",
)
PAGES = {
    "/search/": "q app",
    "/apps/d1shop/": "q",
    "/apps/d1shop/activity/": "q outcome page",
    "/apps/d1shop/hosting/secrets/": "q branch sort page per_page saved",
    "/apps/d1shop/hosting/secrets/manage/": "q branch sort page per_page new",
}


@pytest.mark.parametrize("page", PAGES)
def test_it_works(alice: Client, world: World, page: str) -> None:
    """The search alone, and all parameters together: each is read by itself."""
    names = PAGES[page].split()
    for text in ODD:
        for parameters in (names[:1], names):
            response = alice.get(page, dict.fromkeys(parameters, text))
            assert response.status_code == 200, (parameters, text)


@pytest.mark.exhaustive_on_postgres
def test_admin(olga: Client) -> None:
    for model in ("user", "app", "branch", "member", "auditevent", "auditoutcome"):
        for text in ODD:
            response = olga.get(f"/admin/console/{model}/", {"q": text})
            assert response.status_code == 200, (model, text)


@pytest.mark.exhaustive_on_postgres
@pytest.mark.parametrize("page", PAGES)
def test_invalid_numbers(alice: Client, page: str) -> None:
    assert not Secret.objects.exists()
    for text in ("0", "-1", "9" * 30, "1e3", "x"):
        for parameter in PAGES[page].split():
            response = alice.get(page, {parameter: text})
            assert response.status_code == 200, (parameter, text)
