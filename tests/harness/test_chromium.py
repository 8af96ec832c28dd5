"""Problems that the browser reports reach the test, with and without JavaScript."""

import pytest

pytestmark = pytest.mark.browser

BREACH = """data:text/html,
<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><p style="color: red">"""


def test_it_works(page, complaints):
    complaints.expect("/favicon.ico")  # this response is no page and names no icon
    page.goto("/healthz")
    assert page.evaluate("location.protocol") == "http:"


@pytest.mark.parametrize("javascript", [True, False])
def test_policy_violation_is_reported(open_page, complaints, javascript):
    complaints.expect("Content.Security.Policy")
    open_page(javascript=javascript).goto(BREACH)
    assert complaints.seen


@pytest.mark.parametrize("script", ["console.error('oh no')", "throw new Error('oh no')"])
def test_error_is_reported(page, complaints, script):
    complaints.expect("oh no")
    page.goto(f"data:text/html,<script>{script}</script>")
    assert len(complaints.seen) == 1


def test_unexpected_problems(page, complaints):
    page.goto("data:text/html,<script>console.error('oh no')</script>")
    assert complaints.unexpected() == complaints.seen != []
    complaints.expect("oh no")


def test_color_scheme_and_size(open_page):
    page = open_page(dark=True, width=320)
    assert page.evaluate("innerWidth") == 320
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
