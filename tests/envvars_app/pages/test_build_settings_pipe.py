"""Write variables to a file in the build: choose them, preview the lines, and save."""

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
    frontend: {phases: {build: {commands: [npm run build]}}, artifacts: {baseDirectory: dist}}
  - appRoot: apps/admin
    frontend:
      buildPath: /
      phases: {build: {commands: [npm run build -w admin]}}
      artifacts: {baseDirectory: apps/admin/dist, files: ['**/*']}
"""


def variable(world: World, key: str, value: str = "plain", branch: Branch | None = None) -> None:
    """Add a variable, without the pages."""
    now = timezone.now()
    Variable.objects.create(
        app=world.app, branch=branch, key=key, value=value, changed_at=now, changed_by="alice"
    )


@pytest.fixture(autouse=True)
def variables(world: World) -> None:
    """Give the app variables, one of them only on dev."""
    for key in ("API_URL", "NEXT_PUBLIC_A", "NEXT_PUBLIC_B"):
        variable(world, key)
    variable(world, "STRIPE_SECRET", "sk_live_CANARY0000000000")
    variable(world, "ON_DEV", branch=world.dev)


def show(client: Client, page: str = PAGE, **fields: Any) -> Any:
    """Choose variables and return the preview page."""
    return client.post(page, {"base": "0", "recipe": "env", **fields})


def insert(client: Client, page: str = PAGE, **fields: Any) -> Any:
    """Choose variables, preview the lines, and insert them."""
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
    response = show(alice, names=["API_URL"])
    assert response.status_code == 200
    assert response.context["lines"] == ['echo "API_URL=$API_URL" >> .env']
    added = [line.text.strip() for line in response.context["diff"] if line.sign == "+"]
    assert added == ['- echo "API_URL=$API_URL" >> .env']
    assert not BuildSpec.objects.exists()
    response = insert(alice, names=["API_URL"])
    assert (response.status_code, response["Location"]) == (302, SETTINGS)
    assert commands() == ['- echo "API_URL=$API_URL" >> .env']
    event = AuditEvent.objects.get(action="build.change")
    assert event.outcomes.get().detail == "variables written to .env"


def test_prefix(alice: Client) -> None:
    response = show(alice, prefix=" NEXT_PUBLIC_ ", names=["API_URL"], recipe="production")
    assert response.context["lines"] == [
        "env | grep -e ^API_URL= -e ^NEXT_PUBLIC_ >> .env.production"
    ]
    response = show(alice, prefix="NEXT_", recipe="flutter-json")
    assert '["NEXT_PUBLIC_A", "NEXT_PUBLIC_B"]' in response.context["lines"][0]


def test_all_branches_includes_overrides(alice: Client, world: World) -> None:
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
    response = show(alice, names=["ON_DEV"], prefix="ON_M", recipe="flutter-json")
    assert '["ON_DEV", "ON_MAIN", "ON_MANY"]' in response.context["lines"][0]
    assert insert(alice, names=["ON_DEV"]).status_code == 302
    assert commands() == ['- echo "ON_DEV=$ON_DEV" >> .env']
    on_dev = alice.get(f"{PAGE}?branch={world.dev.pk}")
    assert "ON_MAIN" not in on_dev.text
    assert "Only on" not in on_dev.text
    on_main = show(alice, f"{PAGE}?branch={world.main.pk}", names=["ON_DEV"])
    assert "The variable “ON_DEV” no longer exists on main" in on_main.text


def test_variables_of_a_deleted_branch(alice: Client, world: World) -> None:
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    assert "ON_DEV" not in alice.get(PAGE).text
    response = show(alice, names=["ON_DEV"])
    assert response.status_code == 422
    assert "The variable “ON_DEV” no longer exists" in response.text


def test_existing_lines(alice: Client) -> None:
    insert(alice, names=["API_URL"])
    response = show(alice, names=["API_URL"], base="1")
    assert "already contains these lines" in response.text
    assert "Insert into the build phase" not in response.text


def test_branch_override_is_created(alice: Client, world: World) -> None:
    page = f"{PAGE}?branch={world.dev.pk}"
    assert "ON_DEV" in [row["key"] for row in alice.get(page).context["variables"]]
    assert "Inserting the lines gives it" in show(alice, page, names=["ON_DEV"]).text
    insert(alice, page, names=["ON_DEV"])
    assert BuildSpec.objects.get().branch == world.dev
    assert commands() == ['- echo "ON_DEV=$ON_DEV" >> .env']


def test_monorepo(alice: Client) -> None:
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


def test_secret_values_warn_and_are_not_shown(alice: Client) -> None:
    page = alice.get(PAGE)
    assert "They end as plain text in the build&#x27;s artifacts" in page.text or (
        "The variables become plain text in the build artifacts" in page.text
    )
    assert page.text.count("Looks like a secret") == 1
    plain = show(alice, names=["API_URL"])
    assert "These variables look like secrets" not in plain.text
    response = show(alice, names=["STRIPE_SECRET", "API_URL"])
    assert "These variables look like secrets" in response.text
    assert [name for name, _ in response.context["secret_warnings"]] == ["STRIPE_SECRET"]
    assert "CANARY" not in page.text + response.text  # only names are needed


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
def test_invalid_choices(
    alice: Client, world: World, fields: dict[str, Any], field: str, words: str
) -> None:
    variable(world, "odd-name")
    for saving in ({}, {"save": "1", "seen": ""}):
        response = show(alice, **fields, **saving)
        assert response.status_code == 422
        assert response.context["refused"].field == field
        assert words in str(response.context["refused"])
        assert f'id="{field}-error"' in response.text
    assert not BuildSpec.objects.exists()


@pytest.mark.parametrize("change", ["choice", "settings", "variables"])
def test_only_previewed_lines_are_saved(alice: Client, world: World, change: str) -> None:
    fields = {"prefix": "NEXT_", "recipe": "flutter-json"}
    seen = show(alice, **fields).context["seen"]
    if change == "choice":
        fields["recipe"] = "ios-plist"
    elif change == "settings":
        alice.post(f"{SETTINGS}edit/", {"text": DEFAULT + "# new\n", "base": "0"})
    else:
        variable(world, "NEXT_C")
    before = [*BuildSpec.objects.values_list("text", flat=True)]
    response = show(alice, seen=seen, save="1", **fields)
    assert response.status_code == 422
    assert "Nothing was saved." in response.text
    assert [*BuildSpec.objects.values_list("text", flat=True)] == before
    again = response.context["seen"]
    base = str(response.context["settings"].base)
    assert show(alice, seen=again, save="1", **{**fields, "base": base}).status_code == 302


def test_concurrent_save_that_was_reverted(alice: Client) -> None:
    seen = show(alice, names=["API_URL"]).context["seen"]
    alice.post(f"{SETTINGS}edit/", {"text": DEFAULT, "base": "0"})
    response = show(alice, names=["API_URL"], seen=seen, save="1")  # the same text, another version
    assert response.status_code == 422
    assert "Nothing was saved" in response.text


def test_unsupported_specification(alice: Client) -> None:
    text = "version: 1\nbackend: {phases: {build: {commands: [npm ci]}}}\n"
    alice.post(f"{SETTINGS}edit/", {"text": text, "base": "0"})
    response = show(alice, names=["API_URL"], base="1")
    assert response.context["lines"] == ['echo "API_URL=$API_URL" >> .env']
    assert "no frontend with a list of build commands" in response.text
    response = show(alice, names=["API_URL"], base="1", save="1", seen="")
    assert response.status_code == 422
    assert BuildSpec.objects.get().text == text


def test_too_long_specification(alice: Client) -> None:
    text = DEFAULT + "#" * (25_000 - len(DEFAULT))
    alice.post(f"{SETTINGS}edit/", {"text": text, "base": "0"})
    response = insert(alice, names=["API_URL"], base="1")
    assert response.status_code == 422
    assert "at most 25,000 characters" in response.text
    assert BuildSpec.objects.get().text == text


def test_no_variables(alice: Client) -> None:
    Variable.objects.all().delete()
    page = alice.get(PAGE).text
    assert "has no environment variables yet" in page
    assert f'<a class="button" href="{VARIABLES}">Environment variables</a>' in page


@pytest.mark.parametrize("name", ["vera", "bob"])
def test_reader_can_copy_the_lines(client_for: Callable[[str], Client], name: str) -> None:
    client = client_for(name)
    response = show(client, names=["API_URL"])
    assert response.status_code == 200
    assert "Insert into the build phase" not in response.text
    assert "Copy the lines" in response.text
    assert insert(client, names=["API_URL"]).status_code == 403
    assert AuditEvent.objects.get(action="build.change").outcomes.get().outcome == "denied"


def test_many_variables(alice: Client, world: World, django_assert_max_num_queries: Any) -> None:
    names = [f"V{number:03}" for number in range(300)]
    for name in names:
        variable(world, name)
    with django_assert_max_num_queries(10):
        response = show(alice, names=names, recipe="env-quoted")
    assert response.status_code == 200
    assert response.text.count(" checked>") == 300
