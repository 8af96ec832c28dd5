"""Crawl every URL of the resolver, and the links on each page."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from django.urls import URLResolver, get_resolver

from tests.leaks.detector import SearchedClient

FRAGMENT = {"HX-Request": "true"}
# Of links that differ only in a number or in parameter values, the first is followed to a page and
# the second to a fragment
SIMILAR_LINKS = 2
_NAMED = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
_NUMBER = re.compile(r"/\d+/")
_LINK = re.compile(r'(?:href|action|formaction|hx-get)="([^"#]+)')
_ELSEWHERE = ("http://", "https://", "//", "data:", "mailto:")


def routes(resolver: Any = None, before: str = "/") -> Iterator[tuple[str, str]]:
    """Yield every URL pattern and the name of its view."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern).strip("^$")
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route, entry.name or ""


def urls(samples: dict[str, Iterable[object]]) -> list[str]:
    """Return the URLs of every pattern, with every sample of its parameters.

    A parameter without a sample raises KeyError, so that no URL is skipped by accident.
    """
    found = []
    for route, _ in routes():
        names = [one or other for one, other in _NAMED.findall(route)]
        for values in product(*(samples[name] for name in names)):
            filling = iter(values)
            found.append(_NAMED.sub(lambda _, filling=filling: str(next(filling)), route))
    return list(dict.fromkeys(found))


def crawl(client_for: SearchedClient, start: Iterable[str], *, follow: bool) -> None:
    """Get every URL of `start`; with `follow`, also as a fragment, and the links of each page."""
    queue, seen, times = deque(start), set(), Counter[object]()
    first = set(queue)
    while queue:
        url = queue.popleft()
        if url in seen or (url not in first and times[_kind(url)] >= SIMILAR_LINKS):
            continue
        seen.add(url)
        times[_kind(url)] += 1
        is_similar = url not in first and times[_kind(url)] == SIMILAR_LINKS
        response = client_for.get(url, headers=FRAGMENT if is_similar else {})
        if follow:
            if url in first:
                client_for.get(url, headers=FRAGMENT)
            queue += links(url, response)


def _kind(url: str) -> tuple[str, frozenset[str]]:
    path, query = urlsplit(url).path, urlsplit(url).query
    return _NUMBER.sub("/0/", path), frozenset(parse_qs(query))


def links(base: str, response: Any) -> Iterator[str]:
    """Yield the links of a page within this site, and the target of a redirect."""
    if response.has_header("Location"):
        yield from _own_url(base, response["Location"])
    if response.headers.get("Content-Type", "").startswith("text/html"):
        for link in _LINK.findall(response.content.decode()):
            yield from _own_url(base, link.replace("&amp;", "&"))


def _own_url(base: str, link: str) -> Iterator[str]:
    url = urljoin(base, link)
    if link.startswith(_ELSEWHERE) or url.startswith("/static/"):
        return
    if url.startswith("/admin/"):  # its lists link to every sort order and filter
        url = url.partition("?")[0]
    yield url
