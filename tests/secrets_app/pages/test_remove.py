"""Remove a secret on its own page, without JavaScript too: at once, with Undo."""

from collections.abc import Callable
from html.parser import HTMLParser

from django.test import Client
from django.urls import reverse

from tests.factories import set_secret, stored_values
from tests.fixtures.people import World


class _Form(HTMLParser):
    """Collect the fields of the form with the button Remove, as a browser posts them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.address, self.fields, self.is_over = "", dict[str, str](), False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if self.is_over or tag not in {"form", "input", "button"}:
            return
        if tag == "form":
            self.address, self.fields = found.get("action", ""), {}
        elif "name" in found:
            self.fields[found["name"]] = found.get("value", "")
            self.is_over = found["name"].startswith("remove-")


def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    row, alice = set_secret(world, "API_KEY", "old", world.main), client_for("alice")
    form = _Form(alice.get(reverse("secret_detail", args=["d1shop", row.pk])).text)
    page = alice.post(form.address, form.fields, follow=True).text
    assert "API_KEY removed." in page
    assert "Undo" in page
    assert stored_values(world, "API_KEY", world.main) == (None, None)


def test_it_changed_since(world: World, client_for: Callable[[str], Client]) -> None:
    row, alice = set_secret(world, "API_KEY", "old", world.main), client_for("alice")
    form = _Form(alice.get(reverse("secret_detail", args=["d1shop", row.pk])).text)
    set_secret(world, "API_KEY", "new", world.main, by="mia")
    answer = alice.post(form.address, form.fields)
    assert answer.status_code == 422
    assert "mia@example.org" in answer.text
    assert stored_values(world, "API_KEY", world.main)[0] == "new"


def test_read_only(world: World, client_for: Callable[[str], Client]) -> None:
    row = set_secret(world, "API_KEY", "old", world.main)
    page = client_for("vera").get(reverse("secret_detail", args=["d1shop", row.pk])).text
    assert not _Form(page).is_over
    assert "Edit value" not in page
