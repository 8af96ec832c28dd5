"""The fields of the edit mode become commands; everything else is ignored."""

import uuid

import pytest
from django.http import QueryDict

from console.access.actors import Actor
from console.access.policy import Access, Grant
from console.models import App
from console.web.change_sets import change_set_of, change_set_token
from secrets_app.pages import forms
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import DeleteSecret, SetSecret

INVALID_BASES = [
    *("-1", "x", "1.0", "9" * 10, "\u0661", " 1", "1\n", "0x1", "1e3", ":", "1:", ":1", "1:x"),
    *("1:--1", "1:-", "-1:-1", "1:2:3", "1: 2", "1:2\n", "1:" + "9" * 19, "1:\u0661"),
]


def post(**fields: str) -> QueryDict:
    """Return posted fields. Underscores in names become hyphens."""
    query = QueryDict(mutable=True)
    query.update({name.replace("_", "-"): value for name, value in fields.items()})
    return query


def test_it_works() -> None:
    changes = forms.commands_of(
        post(
            **{"value_5": "new", "base_5": "3", "remove_6": "on", "base_6": "1"},
            **{"value_7": "new", "base_7": "3:17", "remove_8": "on", "base_8": "1:-17"},
            **{"new_1_key": " KEY ", "new_1_branch": "7", "new_1_value": "v", "new_1_base": ""},
            **{"new_2_key": "SHARED", "new_2_branch": "", "new_2_value": "w", "new_2_base": "2:17"},
        )
    )
    assert changes == [
        SetSecret("5", 5, value=SecretValue("new"), expected_version=3, line_breaks=False),
        DeleteSecret("6", 6, expected_version=1),
        SetSecret(
            "7", 7, value=SecretValue("new"), expected_version=3, revision=17, line_breaks=False
        ),
        DeleteSecret("8", 8, expected_version=1, revision=-17),
        SetSecret("new-1", key="KEY", branch_id=7, value=SecretValue("v"), line_breaks=False),
        SetSecret(
            "new-2",
            key="SHARED",
            value=SecretValue("w"),
            expected_version=2,
            revision=17,
            line_breaks=False,
        ),
    ]


def test_untouched_rows_are_no_commands() -> None:
    untouched = post(
        value_5="", base_5="3", new_1_key="", new_1_value="", new_1_branch="7", remove_6=""
    )
    assert forms.commands_of(untouched) == []


def test_remove_wins_over_a_typed_value() -> None:
    assert forms.commands_of(post(value_5="x", remove_5="on", base_5="3")) == [
        DeleteSecret("5", 5, expected_version=3)
    ]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("a\r\nb\r\n", "a\nb\n"), ("  x ", "  x "), ("\r\n", "\n"), ("a\rb", "a\rb"), ("\t", "\t")],
)
def test_values_are_kept_apart_from_line_breaks(typed: str, kept: str) -> None:
    [known, new] = forms.commands_of(
        post(value_5=typed, base_5="1", new_1_key="K", new_1_value=typed)
    )
    assert isinstance(known, SetSecret)
    assert isinstance(new, SetSecret)
    assert known.value == new.value == SecretValue(kept)


@pytest.mark.parametrize("base", ["", *INVALID_BASES])
def test_an_invalid_base_overwrites_nothing(base: str) -> None:
    [change] = forms.commands_of(post(value_5="x", base_5=base))
    assert (change.expected_version, change.revision) == (-1, None)


@pytest.mark.parametrize("base", [*INVALID_BASES, "1", "999999999", "-1:5", "1:-5", "1:0"])
def test_an_invalid_base_of_a_new_row_overwrites_nothing(base: str) -> None:
    [change] = forms.commands_of(post(new_1_key="K", new_1_value="x", new_1_base=base))
    assert (change.expected_version, change.revision) == (-1, None)


@pytest.mark.parametrize("base", ["", "0"])
def test_a_new_row_without_a_base(base: str) -> None:
    [change] = forms.commands_of(post(new_1_key="K", new_1_value="x", new_1_base=base))
    assert (change.expected_version, change.revision) == (0, None)


@pytest.mark.parametrize("branch", ["x", "-1", "9" * 20, "\0", "all"])
def test_an_invalid_branch(branch: str) -> None:
    [change] = forms.commands_of(post(new_1_key="K", new_1_value="x", new_1_branch=branch))
    assert change.branch_id == -1


@pytest.mark.parametrize(
    "name",
    [
        *("value-", "value-x", "value-05", "value-0", "value--5", "value-5 ", "value-\u0665"),
        *("value-" + "9" * 16, "remove-05", "new-x-key", "new-01-key", "new--key", "new-1-key-x"),
        *("new-" + "9" * 10 + "-key", "xvalue-5", "csrfmiddlewaretoken", "app", "version", ""),
    ],
)
def test_extra_fields_are_ignored(name: str) -> None:
    query = QueryDict(mutable=True)
    query[name] = "x"
    assert forms.commands_of(query) == []
    assert forms.new_rows_of(query) == []


def test_each_row_has_a_token() -> None:
    query = post(new_1_key="A", new_7_key="B", new_01_key="C", new_1_value="x")
    tokens = [change.token for change in forms.commands_of(query)]
    assert tokens == [f"new-{row.number}" for row in forms.new_rows_of(query)] == ["new-1", "new-7"]


def test_a_new_row_is_shown_without_its_value() -> None:
    [row] = forms.new_rows_of(
        post(new_1_key="A", new_1_branch="7", new_1_value="hidden", new_1_base="2")
    )
    assert row == forms.NewRow(1, key="A", branch="7", base="2")
    assert "hidden" not in repr(vars(row))


def access(user_id: int | None = 1, app_id: str = "d1") -> Access:
    """Return an owner's access to an app."""
    app = App(app_id=app_id)
    return Access(Actor(kind="web", label="", user_id=user_id), app, (Grant("owner"),))


@pytest.mark.django_db
def test_a_change_set_belongs_to_its_user_and_path_profile() -> None:
    token = change_set_token(access(), "both")
    assert isinstance(change_set_of(token, access(), "both"), uuid.UUID)
    for other in (access(2), access(None), access(app_id="d2")):
        assert change_set_of(token, other, "both") is None
    assert change_set_of(token, access(), "backend") is None
    for text in (token[:-1], "", uuid.uuid4().hex):
        assert change_set_of(text, access(), "both") is None
