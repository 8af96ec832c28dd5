"""What can't be seen in a value is said, and a line break at its ends needs a confirmation.

Without JavaScript, Enter in a text area adds a line break that nobody sees. With it, the page says
so at the row before Save, and posts the confirmation (tests/browser/lists/test_unseen.py).
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.lib.text.invisible import describe_invisible
from tests.factories import (
    secret_row,
    set_secret,
    set_variable,
    stored_values,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

FORMS = ("secrets_manage", "variables_manage")
each_form = pytest.mark.parametrize("form", FORMS)
REFUSAL = "starts or ends with a line break"
REMARKS = {
    "tok_abc123\n": "The value ends with a line break.",
    " tok_abc123 ": "The value starts with a space, ends with a space.",
    "abc\u200b123": "The value contains a zero-width character.",
    "\ufefftok_abc123": "The value starts with a byte order mark.",
    "abc\u00a0123": "The value contains a no-break space.",
    "abc\t123": "The value contains a tab.",
    "abc\u2028123": "The value contains an invisible character.",
}


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return the owner's browser."""
    return client_for("alice")


def new_row(form: str, world: World, client: Client, value: str, **more: str) -> Any:
    """Post a new row as a browser without JavaScript does."""
    url = reverse(form, args=[world.app.app_id])
    token = client.get(url).context["change_set"]
    row = {"new-1-key": "KEY", "new-1-value": value.replace("\n", "\r\n"), "new-1-branch": ""}
    return client.post(url, {"change_set": token, **row, **more})


def value_of(form: str, world: World) -> str | None:
    """Return the stored value of KEY, or None."""
    if form == "secrets_manage":
        return stored_values(world, "KEY")[0]
    return variable_values(world).get(("", "KEY"))


@each_form
@pytest.mark.parametrize("value", ["token\n", "\ntoken", "\n", "-----BEGIN\nx\n-----END\n"])
def test_it_works(world: World, alice: Client, form: str, value: str) -> None:
    refused = new_row(form, world, alice, value)
    assert refused.status_code == 422
    assert REFUSAL in refused.text
    assert 'name="line_breaks"' in refused.text
    assert value_of(form, world) is None
    saved = new_row(form, world, alice, value, line_breaks="on")
    assert saved.status_code == 302
    assert value_of(form, world) == value


@each_form
@pytest.mark.parametrize("value", ["token", " token ", "one\ntwo", "\u200b", "\ttoken"])
def test_other_values_need_no_confirmation(
    world: World, alice: Client, form: str, value: str
) -> None:
    assert new_row(form, world, alice, value).status_code == 302
    assert value_of(form, world) == value


@each_form
def test_a_new_value_of_an_existing_row(world: World, alice: Client, form: str) -> None:
    row: Any = (set_secret if form == "secrets_manage" else set_variable)(world, "KEY", "first")
    url = reverse(form, args=[world.app.app_id])
    fields = {f"value-{row.pk}": "second\r\n", f"base-{row.pk}": "1"}
    refused = alice.post(url, fields)
    assert REFUSAL in refused.text
    assert value_of(form, world) == "first"
    assert alice.post(url, fields | {"line_breaks": "on"}).status_code == 302
    assert value_of(form, world) == "second\n"


def test_a_rename_keeps_the_line_break(world: World, alice: Client) -> None:
    row = set_variable(world, "OLD", "value\n")
    url = reverse("variables_manage", args=[world.app.app_id])
    fields = {f"value-{row.pk}": "value\r\n", f"key-{row.pk}": "KEY", f"base-{row.pk}": "1"}
    assert alice.post(url, fields).status_code == 302
    assert variable_values(world) == {("", "KEY"): "value\n"}


@each_form
@pytest.mark.parametrize(("value", "remark"), REMARKS.items())
def test_after_saving(world: World, alice: Client, form: str, value: str, remark: str) -> None:
    url = reverse(form, args=[world.app.app_id])
    fields = {"new-1-key": "KEY", "new-1-value": value, "new-1-branch": "", "line_breaks": "on"}
    saved = alice.post(url, fields, headers={"HX-Request": "true"})
    assert saved.status_code == 200
    assert remark in saved.text


@pytest.mark.parametrize(("value", "remark"), REMARKS.items())
def test_beside_a_revealed_value(world: World, alice: Client, value: str, remark: str) -> None:
    row = set_secret(world, "KEY", value)
    url = reverse("secret_reveal", args=[world.app.app_id, row.pk])
    assert remark in alice.post(url).text
    assert remark in alice.post(url, headers={"HX-Request": "true"}).text
    assert remark not in alice.get(reverse("secret_detail", args=[world.app.app_id, row.pk])).text


@pytest.mark.parametrize(("value", "remark"), REMARKS.items())
def test_in_the_list_of_variables(world: World, alice: Client, value: str, remark: str) -> None:
    set_variable(world, "KEY", value)
    assert remark in alice.get(reverse("variables", args=[world.app.app_id])).text


@pytest.mark.parametrize("value", ["", "a", "one two", "one\ntwo", "日本語", "пароль", "e\u0301"])
def test_nothing_to_say(value: str) -> None:
    assert describe_invisible(value) == ""


@pytest.mark.parametrize(
    ("keys", "words"),
    [(["ONE"], "ONE removed."), (["ONE", "TWO"], "2 {}s removed.")],
)
@each_form
def test_removals_say_what_was_removed(
    world: World, alice: Client, form: str, keys: list[str], words: str
) -> None:
    url = reverse(form, args=[world.app.app_id])
    fields = {"change_set": alice.get(url).context["change_set"]}
    for key in keys:
        if form == "secrets_manage":
            set_secret(world, key)
            pk = secret_row(world, key).pk
        else:
            set_variable(world, key)
            pk = variable_row(world, key).pk
        fields |= {f"remove-{pk}": "on", f"base-{pk}": "1"}
    saved = alice.post(url, fields, follow=True)
    assert words.format("secret" if form == "secrets_manage" else "variable") in saved.text
