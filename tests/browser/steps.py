"""Steps and look-ups that several browser tests share."""

from collections.abc import Callable, Mapping
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from console.lib.results import DONE
from secrets_app.store import parameter_store
from tests.factories import create_command, save_secrets, set_command
from tests.fixtures.people import World
from tests.fixtures.waiting import until

LIST = "/apps/d1shop/hosting/secrets/"
MANAGE = f"{LIST}manage/"
SHARED = "/amplify/shared/d1shop"
# On all pages. A click that the keyboard made has no detail.
_COUNT_CLICKS = """
addEventListener("click", ({ detail }) => {
  if (detail > 0) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, { capture: true });
"""
PEM = "-----BEGIN PRIVATE KEY-----\nMIIE vQ=\n\n\ttab ü 日本\n-----END PRIVATE KEY-----\n"


def stored_value(path: str) -> str:
    """Return the value that the parameter store holds."""
    return parameter_store().read([path])[path].value.reveal()


def set_secrets(
    world: World, values: Mapping[str, str], branch: Any = None, by: str = "alice"
) -> None:
    """Save secrets through the services, in one change set."""
    existing = {row.key: row for row in world.app.secrets.filter(branch=branch, version__gt=0)}
    commands = [
        set_command(existing[key], value) if key in existing else create_command(key, value, branch)
        for key, value in values.items()
    ]
    outcomes = save_secrets(world, *commands, by=by)
    assert {outcome.outcome for outcome in outcomes} <= DONE


def row(page: Page, key: str, branch: str = "All branches") -> Locator:
    """Return an existing secret's row of the edit mode."""
    return page.get_by_role("group", name=f"{key}, {branch}", exact=True)


def wait_for_reconcile(page: Page) -> None:
    """Wait until the page has reconciled with the store."""
    expect(page.locator("#freshness[hx-post]")).to_have_count(0)


def wait_until(page: Page, condition: Callable[[], object]) -> None:
    """Wait for a condition that the page's own events fulfill."""
    until(lambda: condition() or page.wait_for_timeout(20))


def value_of(row: Locator) -> Locator:
    """Return a row's field for the value."""
    return row.get_by_label("Value", exact=True)


def fill_new(page: Page, number: int, key: str, value: str, branch: str) -> None:
    """Fill a new row of the edit mode."""
    new = page.locator("#new .edit-row").nth(number)
    new.get_by_label("Variable").fill(key)
    new.get_by_label("Value", exact=True).fill(value)
    new.get_by_label("Branch").select_option(label=branch)


def tab_to(page: Page, target: Locator) -> int:
    """Press Tab until an element has the focus. Return how often."""
    for presses in range(1, 61):
        page.keyboard.press("Tab")
        if target.evaluate("(element) => element === document.activeElement"):
            return presses
    raise AssertionError(f"Tab never reached {target}")


def follow(target: Locator) -> None:
    """Click what leads to another page, and wait until that page has loaded."""
    target.page.wait_for_load_state()  # or the event below may be this page's own
    with target.page.expect_event("load"):
        target.click()


def save_all(page: Page) -> None:
    """Press Save, once the scripts run: until then it would submit the plain form."""
    page.wait_for_load_state()
    page.get_by_role("button", name="Save", exact=True).click()


def save_with_notes(page: Page) -> None:
    """Press Save, and again once the page has said what can't be seen in the values."""
    save_all(page)
    expect(page.get_by_text("Everything was saved. Some rows have notes.")).to_be_visible()
    save_all(page)


def expect_saved(page: Page, count: int) -> None:
    """Wait for the list and its toast."""
    words = "1 secret saved." if count == 1 else f"{count} secrets saved."
    expect(page.get_by_text(words)).to_be_visible()
    page.wait_for_load_state()  # a click before the scripts run would submit the plain form


def browser_storage(page: Page) -> str:
    """Return everything that the browser keeps for this site outside the page itself."""
    kept = page.evaluate(
        "() => JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, name,"
        " location.href, document.title, document.cookie])"
    )
    return str(kept) + str(page.context.cookies())


def count_clicks(page: Page) -> None:
    """Count what a pointer clicks from the next page on."""
    page.add_init_script(_COUNT_CLICKS)


def clicks(page: Page) -> int:
    """Return how often a pointer has clicked."""
    return int(page.evaluate("Number(sessionStorage.clicks ?? 0)"))


class HeldPosts:
    """Holds each post of the page to matching URLs until the test asks for it."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.page, self.held = page, list[Route]()
        page.route(pattern, self._hold)

    def _hold(self, route: Route) -> None:
        if route.request.method == "POST":
            self.held.append(route)
        else:
            route.continue_()

    def next(self) -> Route:
        """Wait for the next post and return it."""
        wait_until(self.page, lambda: self.held)
        return self.held.pop()
