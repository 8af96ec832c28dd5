"""Any input in a search box or query string gives a page, never an error."""

import pytest
from django.test import Client

from secrets_app.models import Secret
from tests.fixtures.people import World

pytestmark = pytest.mark.both_databases
ODD = {
    "NUL": "a\0b",
    "no UTF-8": b"\xed\xa0\x80\xff",
    "quotes": "'\"`;--",
    "like": "%_\\",
    "long": "x" * 3000,
    "Turkish": "İı",
    "emoji": "🚀",
    "control": "\r\n\t\x1b",
}
PAGES = {
    "/search/": "q app",
    "/apps/d1shop/": "q",
    "/apps/d1shop/activity/": "q outcome page",
    "/apps/d1shop/hosting/secrets/": "q branch sort page per_page saved",
    "/apps/d1shop/hosting/secrets/manage/": "q branch sort page per_page new",
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_it_works(alice: Client, world: World, page: str, text: str | bytes) -> None:
    for parameter in PAGES[page].split():
        assert alice.get(page, {parameter: text}).status_code == 200, parameter


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_admin(olga: Client, text: str | bytes) -> None:
    for model in ("user", "app", "branch", "member", "auditevent", "auditoutcome"):
        response = olga.get(f"/admin/console/{model}/", {"q": text})
        assert response.status_code == 200


@pytest.mark.parametrize("text", ["0", "-1", "9" * 30, "1e3", "x"])
def test_invalid_numbers(alice: Client, text: str) -> None:
    assert not Secret.objects.exists()
    for page, parameters in PAGES.items():
        for parameter in parameters.split():
            assert alice.get(page, {parameter: text}).status_code == 200
