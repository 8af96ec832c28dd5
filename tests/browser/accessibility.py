"""Check a page in light and dark, and at 320 px, with axe."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.steps import wait_for_reconcile

AXE = Axe().axe_script
# What WCAG 2.2 AA asks for, and axe's own best practices
ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def accessibility_problems(page: Page) -> list[str]:
    """Return what axe finds, and whether the page scrolls sideways at 320 px."""
    wait_for_reconcile(page)
    page.evaluate(AXE)
    problems = violations(page, "in light", ALL_RULES)
    page.emulate_media(color_scheme="dark")
    problems += violations(page, "in dark", ["color-contrast"])
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 320, "height": 640})
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > 320:
        problems.append(f"{page.url} scrolls sideways at 320 px: it is {width} px wide")
    narrow_rules = ["target-size", "label", "scrollable-region-focusable"]
    problems += violations(page, "at 320 px", narrow_rules)
    page.set_viewport_size({"width": 1440, "height": 900})
    return problems


def violations(page: Page, how: str, rules: list[str]) -> list[str]:
    options = {"resultTypes": ["violations"], "runOnly": rules}
    result = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{page.url} {how}: {violation['id']} {node['html'][:120]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
