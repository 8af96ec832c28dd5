"""Walking every URL, as the resolver knows them and as pages link to them."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from django.urls import URLResolver, get_resolver

from tests.leaks.harness import Visitor

FRAGMENT = {"HX-Request": "true"}
ALIKE = 2  # links that differ in a number, or in their parameters' values
_NAMED = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
_NUMBER = re.compile(r"/\d+/")
_LINK = re.compile(r'(?:href|action|formaction|hx-get)="([^"#]+)')
_ELSEWHERE = ("http://", "https://", "//", "data:", "mailto:")


def routes(resolver: Any = None, before: str = "/") -> Iterator[tuple[str, str]]:
    """Yield every URL pattern there is, and the name of its view."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern).strip("^$")
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route, entry.name or ""


def urls(samples: dict[str, Iterable[object]]) -> list[str]:
    """Return the URLs of every pattern, with every sample of its parameters.

    A parameter that has no sample raises KeyError: give it one, or its URL is not searched.
    """
    found = []
    for route, _ in routes():
        names = [one or other for one, other in _NAMED.findall(route)]
        for values in product(*(samples[name] for name in names)):
            filling = iter(values)
            found.append(_NAMED.sub(lambda _, filling=filling: str(next(filling)), route))
    return list(dict.fromkeys(found))


def crawl(visitor: Visitor, start: Iterable[str], *, on: bool) -> None:
    """Get every URL of `start`; where it goes on, also as a fragment, and what the pages link to.

    Of links that are alike, ALIKE are followed.
    """
    waiting, seen, times = deque(start), set(), Counter[object]()
    first = set(waiting)
    while waiting:
        url = waiting.popleft()
        if url in seen or (url not in first and times[_kind(url)] >= ALIKE):
            continue
        seen.add(url)
        times[_kind(url)] += 1
        answer = visitor.get(url)
        if on:
            visitor.get(url, headers=FRAGMENT)
            waiting += links(url, answer)


def _kind(url: str) -> tuple[str, frozenset[str]]:
    path, query = urlsplit(url).path, urlsplit(url).query
    return _NUMBER.sub("/0/", path), frozenset(parse_qs(query))


def links(base: str, answer: Any) -> Iterator[str]:
    """Yield the addresses of this site in a page, and where a redirect leads."""
    if answer.has_header("Location"):
        yield from _own(base, answer["Location"])
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        for link in _LINK.findall(answer.content.decode()):
            yield from _own(base, link.replace("&amp;", "&"))


def _own(base: str, link: str) -> Iterator[str]:
    url = urljoin(base, link)
    if link.startswith(_ELSEWHERE) or url.startswith("/static/"):
        return
    if url.startswith("/admin/"):  # its lists link to every way to sort and filter them
        url = url.partition("?")[0]
    yield url
