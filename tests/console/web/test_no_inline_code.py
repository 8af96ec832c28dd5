"""No page has a script, style or handler that the CSP would have to allow (guarantee 20)."""

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from secrets_app.models import Secret

DATA = {"application/json", "application/ld+json"}  # a script element that no browser runs
ADDRESSES = {"href", "src", "action", "formaction", "data", "poster", "hx-get", "hx-post"}


class Inline(HTMLParser):
    """Collects inline code and addresses of other sites."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag."""
        self.found += [f"<{tag} {problem}>" for problem in _problems(tag, dict(attrs))]


def _problems(tag: str, attributes: dict[str, str | None]) -> Iterator[str]:
    if tag == "style":
        yield "inline"
    if tag == "script" and not attributes.get("src") and attributes.get("type") not in DATA:
        yield "inline"
    for name, value in attributes.items():
        if name == "style" or name.startswith(("on", "hx-on")):
            yield name
        if name in ADDRESSES and not _at_home(value or ""):
            yield f"{name}={value}"


def _at_home(address: str) -> bool:
    return not address.lower().startswith(("http:", "https:", "//", "javascript:", "data:"))


def inline_in(page: str) -> list[str]:
    """Return the inline code of a page."""
    parser = Inline()
    parser.feed(page)
    return parser.found


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/?q=none",
        "/apps/d1shop/?q=none",
        "/apps/d1shop/activity/?q=none&outcome=failed",
        "/apps/d1shop/hosting/secrets/?q=none",
        "/apps/d1shop/hosting/secrets/manage/?new=3",
        "/apps/d1shop/hosting/secrets/?branch=all&sort=-changed&per_page=100",
    ],
)
def test_it_works(request_as: Callable[..., Any], secret: Secret, url: str) -> None:
    response = request_as("alice", "GET", url)
    assert response.status_code == 200
    assert inline_in(response.text) == []


@pytest.mark.parametrize(
    "url", ["user", "app", "branch", "member", "auditevent", "auditoutcome", "group", "nosuch"]
)
def test_search_pages_of_the_admin(
    request_as: Callable[..., Any], secret: Secret, url: str
) -> None:
    assert inline_in(request_as("olga", "GET", f"/admin/console/{url}/?q=a").text) == []


def test_the_parser_finds_inline_code() -> None:
    page = "<p style='a' onclick=b><script>c</script><style>d</style><a href='JavaScript:e'>"
    assert inline_in(page) == [
        "<p style>",
        "<p onclick>",
        "<script inline>",
        "<style inline>",
        "<a href=JavaScript:e>",
    ]
