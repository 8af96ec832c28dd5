"""What the preview of a bulk edit says about names and values that look right and are not."""

from typing import Any

import pytest
from django.test import Client

from tests.envvars_app.variables.pages import apply_bulk, post_bulk, preview_bulk
from tests.factories import set_variable, variable_values
from tests.fixtures.people import World

pytestmark = [pytest.mark.django_db]

SHELLS = "Shells can't read this name as $NAME."
QUOTES = "The typographic quotes are part of the value."
REFERENCE = "Amplify doesn't replace references"


def hints(page: Any) -> dict[str, str]:
    """Return the hints of a preview's lines, by key."""
    return {line["key"]: " ".join(line["hints"]) for line in page.context["lines"]}


def test_it_works(alice: Client) -> None:
    page = preview_bulk(alice, '$env:API_URL="https://x.example.com"\n')
    assert SHELLS in hints(page)["$env:API_URL"]
    assert "“$env:” is not part of it." in page.text
    page = preview_bulk(alice, "A=yes\nlower_case=1\nWITH.DOT=1\n1ST=1\nWITH-DASH=2\nÜMLAUT=3\n")
    found = {key for key, hint in hints(page).items() if SHELLS in hint}
    assert found == {"WITH.DOT", "1ST", "WITH-DASH", "ÜMLAUT"}
    page = preview_bulk(alice, "API_URL=“https://x.example.com”\nNAME=‘Shop’\n")  # noqa: RUF001
    assert all(QUOTES in hint for hint in hints(page).values())
    page = preview_bulk(
        alice, "BASE=https://x.example.com\nAPI=${BASE}/v1\nB=$BASE/v2\nPRICE=a$$b\n"
    )
    assert {key for key, hint in hints(page).items() if REFERENCE in hint} == {"API", "B"}
    assert "the value contains ${BASE} as it is written" in hints(page)["API"]


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ("“x", ""),
        ("«x»", QUOTES),
        ("„x“", QUOTES),
        ("{“a”: 1}", QUOTES),
        ("[“a”]", QUOTES),
        ("It’s", ""),  # noqa: RUF001
        ("They said “hi” to me", ""),
        ("'x'", ""),
        ("${X}", REFERENCE),
        ("${X:-y}", REFERENCE),
        ("a/$OTHER_NAME", REFERENCE),
        ("$known/x", REFERENCE),
        ("$(date +%s)", REFERENCE),
        ("5 $(", ""),
        ("$unknown/x", ""),
        ("\\$HOME", ""),
        ("$$HOME", ""),
        ("5$", ""),
        ("$5", ""),
        ("$2b$10$N9qo8uLOickgx2ZMRZoMye", ""),
        ("a${", ""),
        ("${}", ""),
    ],
)
def test_values(alice: Client, value: str, note: str) -> None:
    import json

    page = preview_bulk(alice, json.dumps({"A": value, "known": "1"}))
    assert hints(page)["A"].startswith(note) is True
    assert bool(hints(page)["A"]) is bool(note)


def test_removed_variables_have_no_hint(world: World, alice: Client) -> None:
    set_variable(world, "with-dash", "${X}")
    page = preview_bulk(alice, "{}", mode="replace")
    assert hints(page) == {"with-dash": ""}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# whom to call\nZULU=1\n# the shop\nALPHA=2 # two\n", True),
        ("B=1\nA=2\n", True),
        ("A=1 # one\n", True),
        ("A=1\nB=2\n", False),
        ('{"B": "1", "A": "2"}', False),
    ],
)
def test_comments_and_order_are_not_kept(alice: Client, text: str, said: bool) -> None:
    page = " ".join(preview_bulk(alice, text).text.split())
    assert ("Comments and the order of the lines are not kept" in page) is said


def test_hints_prevent_nothing(world: World, alice: Client) -> None:
    assert apply_bulk(alice, "# c\nB=${A}\nA=“x”\n").status_code == 302
    assert variable_values(world) == {("", "A"): "“x”", ("", "B"): "${A}"}


def test_an_error_names_where_the_value_begins(alice: Client) -> None:
    page = post_bulk(alice, "preview", 'A=1\nFEATURES={\n  "beta": true\n}\n', mode="merge")
    assert page.status_code == 422
    assert page.context["refusal"].line == 2
    assert "Put a value of several lines in quotes." in page.text
