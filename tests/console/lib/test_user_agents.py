"""User agents are shown as people know them."""

import pytest

from console.lib.user_agents import browser_name

MOZILLA = "Mozilla/5.0 "
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
IPHONE = "(iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


def test_it_works() -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
    assert browser_name(agent) == "Firefox on Windows"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (f"(X11; Linux x86_64) {CHROME} Safari/537.36", "Chrome on Linux"),
        (f"(X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "Chrome on ChromeOS"),
        (f"(Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "Chrome on Android"),
        (f"(X11; Linux x86_64) {CHROME.replace('Chrome', 'HeadlessChrome')}", "Chrome on Linux"),
        (f"(Windows NT 10.0) {CHROME} Safari/537.36 Edg/142.0.0.0", "Edge on Windows"),
        (f"(Macintosh; Intel Mac OS X 10_15_7) {CHROME} Safari/537.36 OPR/1.0", "Opera on macOS"),
        (
            f"(Linux; Android 10; K) SamsungBrowser/29.0 {CHROME} Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (
            "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Safari/605.1.15",
            "Safari on macOS",
        ),
        (f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{IPHONE} CriOS/142.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"{IPHONE} FxiOS/145.0 Mobile/15E148 Safari/605.1.15", "Firefox on iPhone"),
        ("(Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox on Android"),
        ("(Plan 9) Gecko/145.0 Firefox/145.0", "Firefox"),
    ],
)
def test_browsers(agent: str, name: str) -> None:
    assert browser_name(MOZILLA + agent) == name


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("curl/8.5.0", "curl"),
        ("python-requests/2.32.3", "python-requests"),
        ("Lynx/2.9.2 libwww-FM/2.14", "Lynx"),
        ("account deploy on build-3", "account deploy on build-3"),
        ("Mozilla/5.0 (compatible; SomeBot; +https://example.org)", None),
        ("<b>Lynx</b>", "<b>Lynx</b>"),
        ("Mozilla/5.0", "Mozilla/5.0"),
        ("", ""),
    ],
)
def test_others_keep_their_own_words(agent: str, name: str | None) -> None:
    assert browser_name(agent) == (agent if name is None else name)
