"""Every way to enter a secret value, accepted or rejected.

Each function enters `entry.value` as its name says and returns the response. A feature that takes
values in a new way - import, undo, a copy between branches - adds a function, with the statuses
that it may get: `SAVED` is 200 for the page's script and 302 without JavaScript.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import reverse

from console.models import Branch
from secrets_app.models import Revalidation, Secret
from tests.factories import write_outside
from tests.fixtures.people import World
from tests.leaks.detector import SearchedClient


@dataclass
class Input:
    """A value to enter, and the client, world and headers for it."""

    client_for: Callable[[str], SearchedClient]
    world: World
    value: str
    headers: dict[str, str]


def post(entry: Input, person: str, fields: Any, **options: Any) -> Any:
    """Post to the edit mode."""
    url = reverse("secrets_manage", args=[entry.world.app.app_id])
    return entry.client_for(person).post(url, fields, headers=entry.headers, **options)


def new_row(
    entry: Input, key: str, branch: Branch | None = None, value: str = "", number: int = 1
) -> dict[str, Any]:
    """Return the fields of a new row."""
    row = f"new-{number}"
    return {
        f"{row}-key": key,
        f"{row}-value": value or entry.value,
        f"{row}-branch": branch.pk if branch else "",
        "line_breaks": "on",
    }


def unused_key(key: str) -> str:
    """Return the key with a suffix that makes it unused."""
    return f"{key}_{Secret.objects.count()}"


def existing_secret(entry: Input, key: str) -> Secret:
    """Return a secret of main, created with a harmless value if it doesn't exist."""
    main = entry.world.main
    if not main.secrets.filter(key=key).exists():
        client = Client()
        client.force_login(entry.world.person("alice"))
        url = reverse("secrets_manage", args=[entry.world.app.app_id])
        fields = new_row(entry, key, main, value="harmless")
        assert client.post(url, fields).status_code == 302
    return Secret.objects.get(branch=main, key=key)


Enter = Callable[[Input], Any]
INPUTS: dict[str, tuple[Enter, set[int]]] = {}
SAVED = (200, 302)


def enters(name: str, *statuses: int) -> Callable[[Enter], Enter]:
    """Register a function that enters a value, and the statuses that it may get."""

    def register(function: Enter) -> Enter:
        INPUTS[name] = (function, set(statuses))
        return function

    return register


@enters("saved new", *SAVED)
def _saved_new(entry: Input) -> Any:
    return post(entry, "alice", new_row(entry, unused_key("NEW"), entry.world.main))


@enters("saved new for all branches", *SAVED)
def _saved_for_all(entry: Input) -> Any:
    return post(entry, "mia", new_row(entry, unused_key("ALL")))


@enters("saved by a developer", *SAVED)
def _saved_by_a_developer(entry: Input) -> Any:
    return post(entry, "bob", new_row(entry, unused_key("DEV"), entry.world.dev))


@enters("changed", *SAVED)
def _changed(entry: Input) -> Any:
    secret = existing_secret(entry, "CHANGED")
    return post(
        entry,
        "alice",
        {
            f"value-{secret.pk}": entry.value,
            f"base-{secret.pk}": secret.version,
            "line_breaks": "on",
        },
    )


@enters("conflict", 422)
def _conflict(entry: Input) -> Any:
    secret = existing_secret(entry, "CHANGED")
    return post(entry, "alice", {f"value-{secret.pk}": entry.value, f"base-{secret.pk}": 99})


@enters("conflict of a new row", 422)
def _conflict_of_a_new_row(entry: Input) -> Any:
    existing_secret(entry, "TAKEN")
    return post(entry, "alice", new_row(entry, "TAKEN", entry.world.main))


@enters("of a missing secret", 422)
def _gone(entry: Input) -> Any:
    return post(entry, "alice", {"value-999999": entry.value, "base-999999": "1"})


@enters("too long", 422)
def _too_long(entry: Input) -> Any:
    return post(entry, "alice", new_row(entry, "LONG", value=entry.value * 200))


@enters("with double braces", 422)
def _double_braces(entry: Input) -> Any:
    return post(entry, "alice", new_row(entry, "BRACES", value="{{" + entry.value + "}}"))


@enters("of another type than its key's", 422)
def _other_type(entry: Input) -> Any:
    secret, app_id = existing_secret(entry, "TYPED"), entry.world.app.app_id
    if not secret.app.key_notes.filter(key="TYPED").exists():
        url = reverse("secret_type", args=[app_id, secret.pk])
        entry.client_for("alice").post(url, {"kind": "integer", "base": 0})
    fields = {f"value-{secret.pk}": entry.value, f"base-{secret.pk}": 1, "line_breaks": "on"}
    return post(entry, "alice", fields)


@enters("with an invalid key", 422)
def _bad_name(entry: Input) -> Any:
    return post(entry, "alice", new_row(entry, "a b\r\nc/\x00d"))


@enters("for a branch of another app", 422)
def _mixed_ids(entry: Input) -> Any:
    return post(entry, "alice", new_row(entry, "MIXED", entry.world.other_branch))


@enters("twice in one save", 422)
def _duplicate(entry: Input) -> Any:
    key = unused_key("TWICE")
    return post(entry, "alice", new_row(entry, key) | new_row(entry, key, number=2))


@enters("without permission for this branch", 422)
def _denied(entry: Input) -> Any:
    secret = existing_secret(entry, "CHANGED")
    changed = {f"value-{secret.pk}": entry.value, f"base-{secret.pk}": secret.version}
    return post(entry, "bob", new_row(entry, "DENIED", entry.world.main) | changed)


@enters("by a viewer", 422)
def _by_a_viewer(entry: Input) -> Any:
    return post(entry, "vera", new_row(entry, "VIEWED"))


@enters("by an outsider", 404)
def _by_an_outsider(entry: Input) -> Any:
    post(entry, "charlie", new_row(entry, "OUT"))
    post(entry, "olga", new_row(entry, "OUT"))
    return post(entry, "oscar", new_row(entry, "OUT"))


@enters("anonymously", 302)
def _by_nobody(entry: Input) -> Any:
    post(entry, "ivan", new_row(entry, "OUT"))
    return post(entry, "", new_row(entry, "OUT"))


@enters("without the CSRF token", 403)
def _without_csrf(entry: Input) -> Any:
    client = SearchedClient(entry.client_for("alice").detector, "alice", enforce_csrf_checks=True)
    client.force_login(entry.world.person("alice"))
    url = reverse("secrets_manage", args=[entry.world.app.app_id])
    return client.post(url, new_row(entry, "FORGED"), headers=entry.headers)


@enters("in too many fields", 400)
def _too_many_fields(entry: Input) -> Any:
    return post(entry, "alice", {f"value-{number}": entry.value for number in range(1100)})


@enters("in a body that is too large", 400)
def _too_large(entry: Input) -> Any:
    return post(entry, "alice", new_row(entry, "LARGE", value=entry.value * 100_000))


@enters("in an unreadable form", 400)
def _unreadable(entry: Input) -> Any:
    body = f'--x\r\nContent-Disposition: form-data; name="new-1-value"\r\n\r\n{entry.value}'
    return post(entry, "alice", body, content_type="multipart/form-data")  # without a boundary


@enters("as JSON", *SAVED)  # it contains no field, so nothing is saved
def _as_json(entry: Input) -> Any:
    return post(entry, "alice", json.dumps(new_row(entry, "JSON")), content_type="application/json")


@enters("with an unsupported method", 405)
def _wrong_method(entry: Input) -> Any:
    url = reverse("secrets_manage", args=[entry.world.app.app_id])
    return entry.client_for("alice").put(url, f"new-1-value={entry.value}", headers=entry.headers)


@enters("written outside Branchkeep", *SAVED)
def _written_outside(entry: Input) -> Any:
    return _find_outside(entry, f"/amplify/shared/d1shop/{unused_key('OUTSIDE')}")


@enters("written outside for an unknown branch", *SAVED)
def _written_for_an_unknown_branch(entry: Input) -> Any:
    write_outside("/amplify/d1shop/adopted/API_KEY", entry.value)
    write_outside("/amplify/d1shop/gen/AMPLIFY_mailer_API_KEY", entry.value)
    return _find_outside(entry, "/amplify/d1shop/unknown/API_KEY")


def _find_outside(entry: Input, path: str) -> Any:
    write_outside(path, entry.value)
    Revalidation.objects.all().delete()  # so that reconciling is due
    url = reverse("secrets_revalidate", args=[entry.world.app.app_id])
    return entry.client_for("vera").post(url, {"mode": "list"}, headers=entry.headers)


def import_text(entry: Input, text: str, **more: Any) -> Any:
    """Post a text to the import."""
    url = reverse("import", args=[entry.world.app.app_id])
    return entry.client_for("alice").post(url, {"text": text} | more, headers=entry.headers)


@enters("imported", *SAVED, 422)  # some shapes are no secret's value
def _imported(entry: Input) -> Any:
    text = json.dumps({unused_key("IMPORT"): entry.value})
    scopes = {"scope": ["", entry.world.main.pk]}
    page = import_text(entry, text, **scopes, **{"kind-0": f"secret {unused_key('IMPORT')}"})
    rows = [row["text"] for row in page.context["rows"]]
    chosen = {"action": "save", "row": rows, "change_set": page.context["change_set"]}
    import_text(entry, text, action="compare", **scopes)
    return import_text(entry, text, **chosen)


@enters("in a text that can't be read", 422)
def _unreadable(entry: Input) -> Any:
    assert import_text(entry, "A=x", generated=json.dumps({"A": entry.value})).status_code == 200
    for text in (f"A='{entry.value}", f"A: [{entry.value}]", f"A,{entry.value},x", entry.value):
        answer = import_text(entry, text)
    return answer


@enters("in a text without the chosen key", 422)
def _without_the_key(entry: Input) -> Any:
    text = json.dumps({"OTHER": entry.value})
    return import_text(entry, text, action="save", row="secret all 0 KEY")
