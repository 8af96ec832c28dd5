"""The browser's complaints reach the test, with and without JavaScript."""

import pytest

pytestmark = pytest.mark.browser

BREACH = """data:text/html,
<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><p style="color: red">"""


def test_it_works(page, complaints):
    complaints.expect("/favicon.ico")  # this answer is no page, and names no icon
    page.goto("/healthz")
    assert page.evaluate("location.protocol") == "http:"


@pytest.mark.parametrize("javascript", [True, False])
def test_a_breach_of_the_policy_is_a_complaint(open_page, complaints, javascript):
    complaints.expect("Content.Security.Policy")
    open_page(javascript=javascript).goto(BREACH)
    assert complaints.seen


@pytest.mark.parametrize("script", ["console.error('oh no')", "throw new Error('oh no')"])
def test_an_error_is_a_complaint(page, complaints, script):
    complaints.expect("oh no")
    page.goto(f"data:text/html,<script>{script}</script>")
    assert len(complaints.seen) == 1


def test_what_was_not_expected_stands_out(page, complaints):
    page.goto("data:text/html,<script>console.error('oh no')</script>")
    assert complaints.unexpected() == complaints.seen != []
    complaints.expect("oh no")


def test_look_and_size_are_chosen(open_page):
    page = open_page(dark=True, width=320)
    assert page.evaluate("innerWidth") == 320
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
