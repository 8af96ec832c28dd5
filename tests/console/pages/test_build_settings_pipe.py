"""Pipe variables to a file: the choice, its lines, what they change, and saving that."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import AuditEvent, Branch
from envvars_app.buildspec import DEFAULT
from envvars_app.models import BuildSpec, Variable
from tests.fixtures.people import World

SETTINGS = "/apps/d1shop/hosting/build-settings/"
PAGE = f"{SETTINGS}pipe/"
VARIABLES = "/apps/d1shop/hosting/environment-variables/"
MONOREPO = """\
version: 1
applications:
  - appRoot: apps/web
    frontend: {phases: {build: {commands: [npm run build]}}}
  - appRoot: apps/admin
    frontend: {buildPath: /, phases: {build: {commands: [npm run build -w admin]}}}
"""


def variable(world: World, key: str, value: str = "plain", branch: Branch | None = None) -> None:
    """Add a variable, without the pages."""
    now = timezone.now()
    Variable.objects.create(
        app=world.app, branch=branch, key=key, value=value, changed_at=now, changed_by="alice"
    )


@pytest.fixture(autouse=True)
def variables(world: World) -> None:
    """Give the app variables, one of them on dev alone."""
    for key in ("API_URL", "NEXT_PUBLIC_A", "NEXT_PUBLIC_B"):
        variable(world, key)
    variable(world, "STRIPE_SECRET", "sk_live_CANARY0000000000")
    variable(world, "ON_DEV", branch=world.dev)


def show(client: Client, page: str = PAGE, **fields: Any) -> Any:
    """Choose, and look at the lines."""
    return client.post(page, {"base": "0", "recipe": "env", **fields})


def insert(client: Client, page: str = PAGE, **fields: Any) -> Any:
    """Choose, look at the lines, and insert them."""
    seen = show(client, page, **fields).context["seen"]
    return show(client, page, seen=seen, save="1", **fields)


def commands() -> list[str]:
    """Return the app's saved commands that are new."""
    old = DEFAULT.splitlines()
    lines = BuildSpec.objects.get().text.splitlines()
    return [line.strip() for line in lines if line not in old]


def test_it_works(alice: Client) -> None:
    page = alice.get(PAGE)
    assert [row["key"] for row in page.context["variables"]] == [
        *("API_URL", "NEXT_PUBLIC_A", "NEXT_PUBLIC_B", "ON_DEV", "STRIPE_SECRET"),
    ]
    answer = show(alice, names=["API_URL"])
    assert answer.status_code == 200
    assert answer.context["lines"] == ['echo "API_URL=$API_URL" >> .env']
    added = [line.text.strip() for line in answer.context["diff"] if line.sign == "+"]
    assert added == ['- echo "API_URL=$API_URL" >> .env']
    assert not BuildSpec.objects.exists()
    answer = insert(alice, names=["API_URL"])
    assert (answer.status_code, answer["Location"]) == (302, SETTINGS)
    assert commands() == ['- echo "API_URL=$API_URL" >> .env']
    event = AuditEvent.objects.get(action="build.change")
    assert event.outcomes.get().detail == "variables written to .env"


def test_a_prefix(alice: Client) -> None:
    answer = show(alice, prefix=" NEXT_PUBLIC_ ", names=["API_URL"], recipe="production")
    assert answer.context["lines"] == [
        "env | grep -e ^API_URL= -e ^NEXT_PUBLIC_ >> .env.production"
    ]
    answer = show(alice, prefix="NEXT_", recipe="flutter-json")
    assert '["NEXT_PUBLIC_A", "NEXT_PUBLIC_B"]' in answer.context["lines"][0]


def test_for_all_branches_each_branchs_own_are_there_too(alice: Client, world: World) -> None:
    names = [f"b{number}" for number in range(4)]
    branches = [Branch.objects.create(app=world.app, name=name) for name in names]
    for branch in branches:
        variable(world, "ON_MANY", branch=branch)
        variable(world, "API_URL", "overridden", branch)
    variable(world, "ON_MAIN", "ghp_CANARY1234567890123456", world.main)
    page = alice.get(PAGE)
    rows = {row["key"]: row for row in page.context["variables"]}
    on_some = {key for key, row in rows.items() if row["only_on"]}
    assert on_some == {"ON_DEV", "ON_MAIN", "ON_MANY"}
    text = " ".join(page.text.split())
    assert "Only on dev <" in text
    assert "Only on b0, b1, b2 and 1 more <" in text
    assert rows["ON_MAIN"]["secret_warning"] == "The value looks like a GitHub token."
    answer = show(alice, names=["ON_DEV"], prefix="ON_M", recipe="flutter-json")
    assert '["ON_DEV", "ON_MAIN", "ON_MANY"]' in answer.context["lines"][0]
    assert insert(alice, names=["ON_DEV"]).status_code == 302
    assert commands() == ['- echo "ON_DEV=$ON_DEV" >> .env']
    on_dev = alice.get(f"{PAGE}?branch={world.dev.pk}")
    assert "ON_MAIN" not in on_dev.text
    assert "Only on" not in on_dev.text
    on_main = show(alice, f"{PAGE}?branch={world.main.pk}", names=["ON_DEV"])
    assert "The variable “ON_DEV” no longer exists on main" in on_main.text


def test_a_deleted_branchs_own_are_not_offered(alice: Client, world: World) -> None:
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    assert "ON_DEV" not in alice.get(PAGE).text
    answer = show(alice, names=["ON_DEV"])
    assert answer.status_code == 422
    assert "The variable “ON_DEV” no longer exists" in answer.text


def test_lines_that_are_there_already(alice: Client) -> None:
    insert(alice, names=["API_URL"])
    answer = show(alice, names=["API_URL"], base="1")
    assert "already contains these lines" in answer.text
    assert "Insert into the build phase" not in answer.text


def test_a_branch_gets_settings_of_its_own(alice: Client, world: World) -> None:
    page = f"{PAGE}?branch={world.dev.pk}"
    assert "ON_DEV" in [row["key"] for row in alice.get(page).context["variables"]]
    assert "Inserting the lines gives it" in show(alice, page, names=["ON_DEV"]).text
    insert(alice, page, names=["ON_DEV"])
    assert BuildSpec.objects.get().branch == world.dev
    assert commands() == ['- echo "ON_DEV=$ON_DEV" >> .env']


def test_the_applications_of_a_monorepo(alice: Client) -> None:
    alice.post(f"{SETTINGS}edit/", {"text": MONOREPO, "base": "0"})
    assert "<option selected>apps/admin" not in alice.get(PAGE).text
    web = show(alice, names=["API_URL"], app_root="apps/web", base="1")
    assert web.context["lines"] == ['echo "API_URL=$API_URL" >> .env']
    admin = show(alice, names=["API_URL"], app_root="apps/admin", base="1")
    assert admin.context["lines"] == ['echo "API_URL=$API_URL" >> apps/admin/.env']
    here = show(alice, names=["API_URL"], app_root="apps/admin", folder=".", base="1")
    assert here.context["lines"] == ['echo "API_URL=$API_URL" >> .env']
    insert(alice, names=["API_URL"], app_root="apps/admin", base="1")
    assert ">> apps/admin/.env', npm run build -w admin]" in BuildSpec.objects.get().text


def test_secrets_are_warned_of_and_never_shown(alice: Client) -> None:
    page = alice.get(PAGE)
    assert "They end as plain text in the build&#x27;s artifacts" in page.text or (
        "The variables become plain text in the build artifacts" in page.text
    )
    assert page.text.count("Looks like a secret") == 1
    plain = show(alice, names=["API_URL"])
    assert "These variables look like secrets" not in plain.text
    answer = show(alice, names=["STRIPE_SECRET", "API_URL"])
    assert "These variables look like secrets" in answer.text
    assert [name for name, _ in answer.context["secret_warnings"]] == ["STRIPE_SECRET"]
    assert "CANARY" not in page.text + answer.text  # names alone are needed here


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({}, "names", "Choose at least one variable"),
        ({"names": ["GONE"]}, "names", "The variable “GONE” no longer exists on All branches."),
        ({"prefix": "VITE_"}, "prefix", "No variable starts with “VITE_”."),
        ({"names": ["API_URL"], "folder": "../x"}, "folder", "Enter the folder as"),
        ({"names": ["API_URL"], "folder": "a;id"}, "folder", "Enter the folder as"),
        ({"names": ["odd-name"]}, "names", "A shell can't read “odd-name”"),
    ],
)
def test_choices_that_give_no_line(
    alice: Client, world: World, fields: dict[str, Any], field: str, words: str
) -> None:
    variable(world, "odd-name")
    for saving in ({}, {"save": "1", "seen": ""}):
        answer = show(alice, **fields, **saving)
        assert answer.status_code == 422
        assert answer.context["refused"].field == field
        assert words in str(answer.context["refused"])
        assert f'id="{field}-error"' in answer.text
    assert not BuildSpec.objects.exists()


@pytest.mark.parametrize("change", ["choice", "settings", "variables"])
def test_what_was_not_shown_is_not_saved(alice: Client, world: World, change: str) -> None:
    fields = {"prefix": "NEXT_", "recipe": "flutter-json"}
    seen = show(alice, **fields).context["seen"]
    if change == "choice":
        fields["recipe"] = "ios-plist"
    elif change == "settings":
        alice.post(f"{SETTINGS}edit/", {"text": DEFAULT + "# new\n", "base": "0"})
    else:
        variable(world, "NEXT_C")
    before = [*BuildSpec.objects.values_list("text", flat=True)]
    answer = show(alice, seen=seen, save="1", **fields)
    assert answer.status_code == 422
    assert "Nothing was saved." in answer.text
    assert [*BuildSpec.objects.values_list("text", flat=True)] == before
    again = answer.context["seen"]
    base = str(answer.context["settings"].base)
    assert show(alice, seen=again, save="1", **{**fields, "base": base}).status_code == 302


def test_settings_that_were_saved_and_put_back_meanwhile(alice: Client) -> None:
    seen = show(alice, names=["API_URL"]).context["seen"]
    alice.post(f"{SETTINGS}edit/", {"text": DEFAULT, "base": "0"})
    answer = show(alice, names=["API_URL"], seen=seen, save="1")  # the same text, another base
    assert answer.status_code == 422
    assert "Nothing was saved" in answer.text


def test_a_specification_that_lines_can_not_be_put_into(alice: Client) -> None:
    text = "version: 1\nbackend: {phases: {build: {commands: [npm ci]}}}\n"
    alice.post(f"{SETTINGS}edit/", {"text": text, "base": "0"})
    answer = show(alice, names=["API_URL"], base="1")
    assert answer.context["lines"] == ['echo "API_URL=$API_URL" >> .env']
    assert "no frontend with a list of build commands" in answer.text
    answer = show(alice, names=["API_URL"], base="1", save="1", seen="")
    assert answer.status_code == 422
    assert BuildSpec.objects.get().text == text


def test_a_specification_that_would_be_too_long(alice: Client) -> None:
    text = DEFAULT + "#" * (25_000 - len(DEFAULT))
    alice.post(f"{SETTINGS}edit/", {"text": text, "base": "0"})
    answer = insert(alice, names=["API_URL"], base="1")
    assert answer.status_code == 422
    assert "at most 25,000 characters" in answer.text
    assert BuildSpec.objects.get().text == text


def test_an_app_without_variables(alice: Client) -> None:
    Variable.objects.all().delete()
    page = alice.get(PAGE).text
    assert "has no environment variables yet" in page
    assert f'<a class="button" href="{VARIABLES}">Environment variables</a>' in page


@pytest.mark.parametrize("name", ["vera", "bob"])
def test_who_may_not_write_may_copy_the_lines(as_: Callable[[str], Client], name: str) -> None:
    client = as_(name)
    answer = show(client, names=["API_URL"])
    assert answer.status_code == 200
    assert "Insert into the build phase" not in answer.text
    assert "Copy the lines" in answer.text
    assert insert(client, names=["API_URL"]).status_code == 403
    assert AuditEvent.objects.get(action="build.change").outcomes.get().outcome == "denied"


def test_three_hundred_variables(
    alice: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    names = [f"V{number:03}" for number in range(300)]
    for name in names:
        variable(world, name)
    with django_assert_max_num_queries(10):
        answer = show(alice, names=names, recipe="env-quoted")
    assert answer.status_code == 200
    assert answer.text.count(" checked>") == 300
