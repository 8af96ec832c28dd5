"""Large texts in bulk edit: what is refused before it is previewed, and how large a page gets."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from envvars_app.models import Variable
from tests.envvars_app.variables.pages import BASE, post_bulk
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("format", ["env", "json"])
def test_it_works(alice: Client, format: str) -> None:
    values = {"SHORT": "x" * 5500, "LONG": "y" * 5501}
    text = "\n".join(f"{key}={value}" for key, value in values.items())
    page = post_bulk(alice, "preview", json.dumps(values) if format == "json" else text)
    assert page.status_code == 422
    assert "Values can have at most 5,500 characters. This one has 5,501." in page.text
    assert 'data-line="2">Line 2</a>' in page.text or format == "json"


def test_a_text_full_of_quotes_is_refused(alice: Client) -> None:
    """In HTML, each quote takes six characters, and the preview contains the text."""
    quotes = '"' * 5000
    text = "\n".join(f"K{n}='{quotes}'" for n in range(100))
    page = post_bulk(alice, "preview", text)
    assert page.status_code == 422
    assert "so many quotes" in page.text
    assert len(post_bulk(alice, "preview", text.replace('"', "x")).content) < 2_000_000


def test_preview_of_many_changes_is_short(world: World, alice: Client) -> None:
    text = "\n".join(f"K{n:03}={'x' * 900}" for n in range(1000))
    page = post_bulk(alice, "preview", text, world.dev, world.main)
    assert page.status_code == 200
    assert "80 of 900 characters" in page.text
    assert len(page.content) < 4_000_000


def test_too_many_variables_for_one_text(world: World, alice: Client) -> None:
    Variable.objects.bulk_create(
        Variable(app=world.app, key=f"K{n:03}", value="x" * 5500, changed_at=timezone.now())
        for n in range(200)
    )
    page = alice.get(f"{BASE}bulk/")
    assert page.status_code == 200
    assert "too many to edit as one text" in page.text
    assert len(page.content) < 100_000
    # The empty text must not remove what it doesn't show.
    assert 'value="merge" checked' in page.text


def test_removals_count_too(world: World, alice: Client) -> None:
    branches = [Branch.objects.create(app=world.app, name=f"b{n}") for n in range(3)]
    Variable.objects.bulk_create(
        Variable(app=world.app, branch=branch, key=f"K{n}", value="x", changed_at=timezone.now())
        for branch in branches
        for n in range(700)
    )
    page = post_bulk(alice, "preview", "", *branches, mode="replace")
    assert page.status_code == 422
    assert "This would affect 2,100 variables; the limit is 2,000." in page.text


def test_edit_mode_takes_a_limited_amount_of_values(world: World, alice: Client) -> None:
    """The page of what could not be saved repeats the values."""
    rows = {f"new-{n}-key": f"K{n}" for n in range(200)}
    rows |= {f"new-{n}-value": "x" * 5500 for n in range(200)}
    page = alice.post(f"{BASE}manage/", rows)
    assert page.status_code == 400
    assert "This request is too large. Nothing was saved." in page.text
    assert not Variable.objects.exists()
