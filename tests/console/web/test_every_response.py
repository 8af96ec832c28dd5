"""Every URL's responses carry the headers; no page has inline code (guarantees 20, 21)."""

from collections.abc import Callable
from typing import Any

import pytest

from secrets_app.models import Secret
from tests.console.access.routes import routes, url_of
from tests.console.web.test_headers import assert_guarded, kept_out_of_caches
from tests.console.web.test_no_inline_code import inline_in
from tests.fixtures.people import World

ROUTES = sorted(set(routes()))


@pytest.mark.usefixtures("no_logging")
@pytest.mark.parametrize("group", range(4))
def test_it_works(world: World, secret: Secret, request_as: Callable[..., Any], group: int) -> None:
    for route in ROUTES[group::4]:
        url = url_of(route, world, secret)
        for name in ("", "olga" if "/admin/" in route else "alice"):
            for method in ("GET", "POST"):
                response = request_as(name, method, url)
                assert_guarded(response)
                assert kept_out_of_caches(response), (name, method, url)
                if response.headers.get("Content-Type", "").startswith("text/html"):
                    assert inline_in(response.text) == [], (name, method, url)
