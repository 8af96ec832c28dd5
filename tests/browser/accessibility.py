"""Check a page in light and dark, and at 320 px, with axe."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.steps import wait_for_reconcile

AXE = Axe().axe_script
# Only the elements found: axe's whole result has 50 KB, and takes longer to hand over than to make
RUN = """
(options) => axe.run(document, options).then((result) => result.violations.flatMap(
  (rule) => rule.nodes.map((node) => `${rule.id} ${node.html.slice(0, 120)}`)))
"""
# What WCAG 2.2 AA asks for, and axe's own best practices
ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What can be different there
DARK_AND_NARROW = ["color-contrast", "target-size", "label", "scrollable-region-focusable"]


def accessibility_problems(page: Page) -> list[str]:
    """Return what axe finds in light, and in dark at 320 px, where no page may scroll sideways."""
    page.wait_for_load_state()  # a click returns once the first byte of the next page is there
    wait_for_reconcile(page)
    page.evaluate(AXE)
    problems = violations(page, "in light", ALL_RULES)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 320, "height": 640})
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > 320:
        problems.append(f"{page.url} scrolls sideways at 320 px: it is {width} px wide")
    problems += violations(page, "in dark at 320 px", DARK_AND_NARROW)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
    return problems


def violations(page: Page, how: str, rules: list[str]) -> list[str]:
    # Nothing is loaded again for rules that aren't among these: about films, and turned screens
    options = {"resultTypes": ["violations"], "runOnly": rules, "preload": False}
    return [f"{page.url} {how}: {found}" for found in page.evaluate(RUN, options)]
