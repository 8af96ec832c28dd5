"""The pipe page knows the present values, the commands' folders and the variables of builds."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from envvars_app.models import BuildSpec, Variable
from tests.envvars_app.buildspec.texts import INTO_A_FOLDER
from tests.fixtures.people import World

SETTINGS = "/apps/d1shop/hosting/build-settings/"
PAGE = f"{SETTINGS}pipe/"
VALUES = {
    "ACCENT": "#ff0000",
    "HOME_LINK": "https://x.example.com/#/home",
    "GREETING": " hi there ",
    "SIGN_CERT": "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA=\n-----END CERTIFICATE-----",
}
MONOREPO = """\
version: 1
applications:
  - appRoot: apps/shop
    frontend:
      phases:
        preBuild: {commands: [cd ../.. && pnpm install]}
        build: {commands: [pnpm turbo run build --filter=shop]}
      artifacts: {baseDirectory: .next, files: ['**/*']}
"""


def add(world: World, key: str, value: str, branch: Branch | None = None) -> None:
    """Add a variable, without the pages."""
    now = timezone.now()
    Variable.objects.create(
        app=world.app, branch=branch, key=key, value=value, changed_at=now, changed_by="alice"
    )


def save(client: Client, text: str, base: int = 0) -> None:
    """Save the settings for All branches."""
    answer = client.post(f"{SETTINGS}edit/", {"text": text, "base": str(base)})
    assert answer.status_code == 302


def show(client: Client, page: str = PAGE, **fields: Any) -> Any:
    """Preview the lines for ACCENT, unless other fields are given."""
    data = {"base": "0", "recipe": "env", "names": ["ACCENT"], **fields}
    answer = client.post(page, data)
    assert answer.status_code == 200
    return answer


def named(answer: Any, what: str = "unheld") -> list[str]:
    """Return the names of variables that the page warns about."""
    return [name for name, _ in answer.context[what]]


def test_it_works(world: World, alice: Client) -> None:
    for key, value in VALUES.items():
        add(world, key, value)
    assert '<option value="env-quoted" selected>' in alice.get(PAGE).text
    page = show(alice, names=[*VALUES])
    assert named(page) == sorted(VALUES)
    assert page.context["better"].slug == "env-quoted"
    assert "Use “.env, values in quotes”" in " ".join(page.text.split())
    assert "the first one is read" in page.text
    page = show(alice, names=[*VALUES], recipe=["env", "env-quoted"])  # as the button posts it
    assert named(page) == []
    assert page.context["options"].recipe.slug == "env-quoted"
    assert not any(value in page.text for value in ("#ff0000", "MIIB", "hi there"))


def test_plain_values(world: World, alice: Client) -> None:
    add(world, "ACCENT", "red")
    assert '<option value="env" selected>' in alice.get(PAGE).text
    page = show(alice)
    assert (named(page), page.context["better"]) == ([], None)
    assert "can&#x27;t hold" not in page.text


def test_an_overrides_value_counts(world: World, alice: Client) -> None:
    add(world, "ACCENT", "red")
    add(world, "ACCENT", "#fff", world.dev)
    assert named(show(alice)) == ["ACCENT"]
    assert named(show(alice, f"{PAGE}?branch={world.main.pk}")) == []
    assert named(show(alice, f"{PAGE}?branch={world.dev.pk}")) == ["ACCENT"]


@pytest.mark.parametrize(
    ("recipe", "value", "better"),
    [
        ("env", "#fff", "env-quoted"),
        ("production", "a b", "production-quoted"),
        ("env-quoted", 'it\'s `x` "y" \\\r', "web-json"),
        ("production", "a\rb", "web-json"),
        ("env-quoted", "${A}", "env-expanded"),
        ("flutter-env", "#fff", "flutter-dart"),
        ("ios-plist", "\x07", "ios-json"),
    ],
)
def test_the_file_that_can(
    world: World, alice: Client, recipe: str, value: str, better: str
) -> None:
    add(world, "ACCENT", value)
    page = show(alice, recipe=recipe)
    assert named(page) == ["ACCENT"]
    assert page.context["better"].slug == better


def test_values_that_frameworks_expand(world: World, alice: Client) -> None:
    add(world, "ACCENT", "a$$b")
    page = show(alice, recipe="env-quoted")
    assert (named(page), named(page, "expanded")) == ([], ["ACCENT"])
    assert "Use “.env for Vite or Create React App" in " ".join(page.text.split())
    assert named(show(alice, recipe="env-expanded"), "expanded") == []
    assert named(show(alice, recipe="flutter-json"), "expanded") == []


def test_the_folder_of_the_application(world: World, alice: Client) -> None:
    add(world, "ACCENT", "red")
    assert show(alice).context["phase"] is None
    save(alice, INTO_A_FOLDER)
    page = show(alice, base="1")
    assert page.context["lines"] == ['echo "ACCENT=$ACCENT" >> frontend/.env']
    assert "<code>cd frontend</code>" in page.text
    here = show(alice, base="1", folder=".")
    assert here.context["lines"] == ['echo "ACCENT=$ACCENT" >> .env']
    assert here.context["phase"] is None
    save(alice, MONOREPO, 1)
    page = show(alice, base="2", app_root="apps/shop")
    assert page.context["lines"] == ['echo "ACCENT=$ACCENT" >> apps/shop/.env']
    assert "<code>cd ../..</code>" in page.text


def test_a_folder_that_the_text_does_not_tell(world: World, alice: Client) -> None:
    add(world, "ACCENT", "red")
    save(alice, INTO_A_FOLDER.replace("cd frontend && npm run", "cd $WEB && npm run"))
    page = show(alice, base="1")
    assert page.context["lines"] == ['echo "ACCENT=$ACCENT" >> .env']
    text = " ".join(page.text.split())
    assert "the text doesn't tell where the application is then" in text
    assert "<code>cd $WEB</code>" in text


@pytest.mark.parametrize("prefix", ["A", "AW", "s"])
def test_a_prefix_of_the_credentials(world: World, alice: Client, prefix: str) -> None:
    for key in ("ACCENT", "AWFUL", "stage"):
        add(world, key, "red")
    data = {"base": "0", "recipe": "production", "prefix": prefix}
    answer = alice.post(PAGE, data)
    assert answer.status_code == 422
    assert "also matches the build's AWS credentials" in str(answer.context["refused"])
    assert alice.post(PAGE, {**data, "recipe": "env"}).status_code == 200


def test_variables_that_contradict_the_settings(world: World, alice: Client) -> None:
    save(alice, MONOREPO)
    assert alice.get(SETTINGS).context["problems"] == []
    add(world, "AMPLIFY_MONOREPO_APP_ROOT", "apps/shop")
    assert alice.get(SETTINGS).context["problems"] == []
    add(world, "AMPLIFY_MONOREPO_APP_ROOT", "apps/api", world.dev)
    [problem] = alice.get(SETTINGS).context["problems"]
    assert problem.line == 3
    assert "“apps/api”, which matches no application" in problem.message
    assert alice.get(f"{SETTINGS}?branch={world.main.pk}").context["problems"] == []
    BuildSpec.objects.create(
        app=world.app,
        branch=world.dev,
        version=1,
        text=MONOREPO.replace("shop", "api"),
        changed_at=timezone.now(),
        changed_by="alice",
    )
    assert alice.get(SETTINGS).context["problems"] == []
    assert alice.get(f"{SETTINGS}?branch={world.dev.pk}").context["problems"] == []


def test_errors_of_the_field_stop_a_save(alice: Client) -> None:
    text = INTO_A_FOLDER.partition("  artifacts")[0]
    answer = alice.post(f"{SETTINGS}edit/", {"text": text, "base": "0"})
    assert answer.status_code == 422
    assert "“frontend” needs “artifacts”" in answer.text
    assert not BuildSpec.objects.exists()
