"""Amplify's own clients read what was saved in the browser, and the other way round."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from console.models import Branch
from tests.fixtures.people import World

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

pytestmark = pytest.mark.usefixtures("console_on_ssm")
As = Callable[[str], Client]

MAIN = "/amplify/d1j5gg27qnqg3c/main-branch-92c8a056ef"
FEATURE = "/amplify/d1j5gg27qnqg3c/featurelogin-branch-65132dec55"
SHARED = "/amplify/shared/d1j5gg27qnqg3c"


@pytest.fixture
def shop(world: World) -> World:
    """Give the app the id used in docs/parameter-paths.md, and its branch."""
    world.app.app_id = "d1j5gg27qnqg3c"
    world.app.save()
    Branch.objects.create(app=world.app, name="feature/login")
    return world


def save(client: Client, world: World, rows: list[tuple[str, str, str]]) -> None:
    """Save new secrets, (key, value, branch name or ""), as the form without JavaScript does."""
    page = reverse("secrets_manage", args=[world.app.app_id])
    fields = {"change_set": client.get(page).context["change_set"]}
    for number, (key, value, branch) in enumerate(rows, start=1):
        pk = world.app.branches.get(name=branch).pk if branch else ""
        fields |= {f"new-{number}-{name}": text for name, text in (("key", key), ("value", value))}
        fields[f"new-{number}-branch"] = str(pk)
    assert client.post(page, fields).status_code == 302


def secret(ssm: "SSMClient", folder: str, key: str) -> str:
    """Read as a deployed backend's secret() does: from the branch, otherwise from All branches."""
    for path in (f"{folder}/{key}", f"{SHARED}/{key}"):
        try:
            return ssm.get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"]
        except ssm.exceptions.ParameterNotFound:
            continue
    raise AssertionError(f"A deploy would fail: it finds no {key}.")


def held(ssm: "SSMClient") -> dict[str, Any]:
    """Return every parameter below Amplify's folder."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path="/amplify", Recursive=True, WithDecryption=True
    )
    return {
        one["Name"]: (one["Type"], one["Value"]) for page in pages for one in page["Parameters"]
    }


def test_it_works(shop: World, client_for: As, plain_ssm: "SSMClient") -> None:
    save(client_for("alice"), shop, [("foo", "for all", ""), ("foo", "for main", "main")])
    assert held(plain_ssm) == {
        f"{SHARED}/foo": ("SecureString", "for all"),
        f"{MAIN}/foo": ("SecureString", "for main"),
        "/amplify/d1j5gg27qnqg3c/main/foo": ("SecureString", "for main"),
    }


def test_a_branch_inherits_from_all_branches(
    shop: World, client_for: As, plain_ssm: "SSMClient"
) -> None:
    save(client_for("alice"), shop, [("foo", "for all", ""), ("foo", "for main", "main")])
    assert secret(plain_ssm, MAIN, "foo") == "for main"
    assert secret(plain_ssm, FEATURE, "foo") == "for all"


def test_a_removed_override_restores_the_inherited_value(
    shop: World, client_for: As, plain_ssm: "SSMClient"
) -> None:
    alice = client_for("alice")
    save(alice, shop, [("foo", "for all", ""), ("foo", "for main", "main")])
    override = shop.main.secrets.get()
    page = reverse("secrets_manage", args=[shop.app.app_id])
    gone = {f"remove-{override.pk}": "on", f"base-{override.pk}": "1"}
    assert alice.post(page, gone).status_code == 302
    assert secret(plain_ssm, MAIN, "foo") == "for all"
    in_use = {path for path in held(plain_ssm) if not path.startswith("/amplify/branchkeep-bin/")}
    assert in_use == {f"{SHARED}/foo"}


def test_secrets_written_by_ampx_are_listed_and_revealed(
    shop: World, client_for: As, plain_ssm: "SSMClient"
) -> None:
    plain_ssm.put_parameter(
        Name=f"{FEATURE}/token",
        Value="by ampx",
        Type="SecureString",
        Description="Amplify Secret",
        Overwrite=True,
    )
    alice = client_for("alice")
    app_id = shop.app.app_id
    alice.post(reverse("secrets_revalidate", args=[app_id]), {"mode": "list"})
    found = shop.app.secrets.get(key="token")
    assert (found.branch and found.branch.name, found.version) == ("feature/login", 1)
    response = alice.post(
        reverse("secret_reveal", args=[app_id, found.pk]), headers={"HX-Request": "true"}
    )
    assert "by ampx" in response.content.decode()
