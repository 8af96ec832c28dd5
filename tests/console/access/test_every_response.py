"""Every URL's responses carry the headers; no page has inline code (guarantees 20, 21)."""

import pytest

from secrets_app.models import Secret
from tests.console.access.conftest import Asking
from tests.console.access.routes import routes, url_of
from tests.console.access.test_headers import assert_guarded, kept_out_of_caches
from tests.console.access.test_nothing_inline import inline_in
from tests.fixtures.people import World

ROUTES = sorted(set(routes()))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("group", range(4))
def test_it_works(world: World, secret: Secret, ask: Asking, group: int) -> None:
    for route in ROUTES[group::4]:
        url = url_of(route, world, secret)
        for name in ("", "olga" if "/admin/" in route else "alice"):
            for method in ("GET", "POST"):
                answer = ask(name, method, url)
                assert_guarded(answer)
                assert kept_out_of_caches(answer), (name, method, url)
                if answer.headers.get("Content-Type", "").startswith("text/html"):
                    assert inline_in(answer.text) == [], (name, method, url)
