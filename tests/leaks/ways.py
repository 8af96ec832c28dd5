"""Every way in which a value comes to the console.

Each brings `value` in as its name says, with `post` (plainly, or as the page's script does), and
returns the answer. A capability with a new way in - import, undo, a copy between branches - adds
its own, with the statuses that it is answered with.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import reverse

from secrets_app.models import Revalidation, Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from tests.fixtures.people import World
from tests.leaks.harness import Visitor


@dataclass
class Coming:
    """A value on its way in, and what it needs for that."""

    visitor: Callable[[str], Visitor]
    world: World
    value: str
    headers: dict[str, str]

    def post(self, who: str, fields: Any, **options: Any) -> Any:
        """Post to the edit mode as somebody."""
        url = reverse("secrets_manage", args=[self.world.app.app_id])
        return self.visitor(who).post(url, fields, headers=self.headers, **options)

    def new(self, key: str, branch: Any = None, value: str = "", number: int = 1) -> dict[str, Any]:
        """Return the fields of a new row."""
        row = f"new-{number}"
        return {
            f"{row}-key": key,
            f"{row}-value": value or self.value,
            f"{row}-branch": branch.pk if branch else "",
        }

    def fresh(self, key: str) -> str:
        """Return a name that is not taken."""
        return f"{key}_{Secret.objects.count()}"

    def there(self, key: str) -> Secret:
        """Return a secret of main that is there, added with a harmless value if need be."""
        main = self.world.main
        if not main.secrets.filter(key=key).exists():
            browser = Client()
            browser.force_login(self.world.person("alice"))
            url = reverse("secrets_manage", args=[self.world.app.app_id])
            assert browser.post(url, self.new(key, main, value="harmless")).status_code == 302
        return Secret.objects.get(branch=main, key=key)


Way = Callable[[Coming], Any]
WAYS: dict[str, tuple[Way, set[int]]] = {}
SAVED = (200, 302)  # to the page's script, and plainly


def way(name: str, *statuses: int) -> Callable[[Way], Way]:
    """Register a way in."""

    def register(function: Way) -> Way:
        WAYS[name] = (function, set(statuses))
        return function

    return register


@way("saved new", *SAVED)
def _saved_new(it: Coming) -> Any:
    return it.post("alice", it.new(it.fresh("NEW"), it.world.main))


@way("saved new for all branches", *SAVED)
def _saved_for_all(it: Coming) -> Any:
    return it.post("mia", it.new(it.fresh("ALL")))


@way("saved by a developer", *SAVED)
def _saved_by_a_developer(it: Coming) -> Any:
    return it.post("bob", it.new(it.fresh("DEV"), it.world.dev))


@way("changed", *SAVED)
def _changed(it: Coming) -> Any:
    secret = it.there("CHANGED")
    return it.post("alice", {f"value-{secret.pk}": it.value, f"base-{secret.pk}": secret.version})


@way("conflict", 422)
def _conflict(it: Coming) -> Any:
    secret = it.there("CHANGED")
    return it.post("alice", {f"value-{secret.pk}": it.value, f"base-{secret.pk}": 99})


@way("conflict of a new row", 422)
def _conflict_of_a_new_row(it: Coming) -> Any:
    it.there("TAKEN")
    return it.post("alice", it.new("TAKEN", it.world.main))


@way("of a secret that is gone", 422)
def _gone(it: Coming) -> Any:
    return it.post("alice", {"value-999999": it.value, "base-999999": "1"})


@way("too long", 422)
def _too_long(it: Coming) -> Any:
    return it.post("alice", it.new("LONG", value=it.value * 200))


@way("with double braces", 422)
def _double_braces(it: Coming) -> Any:
    return it.post("alice", it.new("BRACES", value="{{" + it.value + "}}"))


@way("under a name that can't be", 422)
def _bad_name(it: Coming) -> Any:
    return it.post("alice", it.new("a b\r\nc/\x00d"))


@way("for a branch of another app", 422)
def _mixed_ids(it: Coming) -> Any:
    return it.post("alice", it.new("MIXED", it.world.other_branch))


@way("twice in one save", 422)
def _duplicate(it: Coming) -> Any:
    key = it.fresh("TWICE")
    return it.post("alice", it.new(key) | it.new(key, number=2))


@way("without the right to this branch", 422)
def _denied(it: Coming) -> Any:
    secret = it.there("CHANGED")
    known = {f"value-{secret.pk}": it.value, f"base-{secret.pk}": secret.version}
    return it.post("bob", it.new("DENIED", it.world.main) | known)


@way("by a viewer", 422)
def _by_a_viewer(it: Coming) -> Any:
    return it.post("vera", it.new("VIEWED"))


@way("by an outsider", 404)
def _by_an_outsider(it: Coming) -> Any:
    it.post("charlie", it.new("OUT"))
    it.post("olga", it.new("OUT"))
    return it.post("oscar", it.new("OUT"))


@way("by nobody", 302)
def _by_nobody(it: Coming) -> Any:
    it.post("ivan", it.new("OUT"))
    return it.post("", it.new("OUT"))


@way("without the CSRF token", 403)
def _without_csrf(it: Coming) -> Any:
    browser = Visitor(it.visitor("alice").trap, "alice", enforce_csrf_checks=True)
    browser.force_login(it.world.person("alice"))
    url = reverse("secrets_manage", args=[it.world.app.app_id])
    return browser.post(url, it.new("FORGED"), headers=it.headers)


@way("in too many fields", 400)
def _too_many_fields(it: Coming) -> Any:
    return it.post("alice", {f"value-{number}": it.value for number in range(1100)})


@way("in a body that is too large", 400)
def _too_large(it: Coming) -> Any:
    return it.post("alice", it.new("LARGE", value=it.value * 100_000))


@way("in a form that can't be read", 400)
def _unreadable(it: Coming) -> Any:
    body = f'--x\r\nContent-Disposition: form-data; name="new-1-value"\r\n\r\n{it.value}'
    return it.post("alice", body, content_type="multipart/form-data")  # and no boundary


@way("as JSON", *SAVED)  # nothing in it is a field, so nothing is saved
def _as_json(it: Coming) -> Any:
    return it.post("alice", json.dumps(it.new("JSON")), content_type="application/json")


@way("by a method that isn't taken", 405)
def _wrong_method(it: Coming) -> Any:
    url = reverse("secrets_manage", args=[it.world.app.app_id])
    return it.visitor("alice").put(url, f"new-1-value={it.value}", headers=it.headers)


@way("written outside Branchkeep", *SAVED)
def _written_outside(it: Coming) -> Any:
    path = f"/amplify/shared/{it.world.app.app_id}/{it.fresh('OUTSIDE')}"
    parameter_store().put(path, SecretValue(it.value), overwrite=True)
    Revalidation.objects.all().delete()  # so that the next check is due
    url = reverse("secrets_revalidate", args=[it.world.app.app_id])
    return it.visitor("vera").post(url, {"mode": "list"}, headers=it.headers)
