"""Projects and names of self-managed hosting are those of Amplify's packages."""

import pytest

from secrets_app.hosting_paths import (
    HostingConfig,
    HostingSecrets,
    code_remark,
    hosting_name,
    project_id,
    stage_and_key,
)
from secrets_app.paths import InvalidPath


def test_it_works() -> None:
    assert project_id("@acme/web-shop") == "web-shop"
    names = {
        hosting_name(scope, "STRIPE_KEY")
        for kind in (HostingConfig, HostingSecrets)
        for scope in (kind("web-shop"), kind("web-shop", "prod"))
    }
    assert names == {
        "/amplify/hosting/web-shop/config/STRIPE_KEY",
        "/amplify/hosting/web-shop/config/prod/STRIPE_KEY",
        "amplify/hosting/web-shop/secrets/STRIPE_KEY",
        "amplify/hosting/web-shop/secrets/prod/STRIPE_KEY",
    }


def test_projects_of_other_names() -> None:
    """As resolveStoreIdentifier of @aws-amplify/hosting 1.0 returns them in Node.js."""
    projects = {
        "": "app",
        "shop": "shop",
        "Web_Shop-2": "Web_Shop-2",
        "@acme/": "app",
        "@/shop": "shop",
        "@acme/team/shop": "team-shop",
        "acme/@x/shop": "acme--x-shop",
        "my shop!": "my-shop",
        "--shop--": "shop",
        "_shop_": "_shop_",
        "日本": "app",
        "a😀b": "a--b",
        "a日b": "a-b",
        "---": "app",
    }
    assert {name: project_id(name) for name in projects} == projects
    assert all(project_id(project) == project for project in projects.values())


@pytest.mark.parametrize(
    ("stage", "key"),
    [("", ""), ("", "a b"), ("", "a/b"), ("", ".."), ("a/b", "KEY"), ("..", "KEY"), ("a ", "KEY")],
)
def test_invalid_names(stage: str, key: str) -> None:
    for scope in (HostingConfig("shop", stage), HostingSecrets("shop", stage)):
        with pytest.raises(InvalidPath):
            hosting_name(scope, key)


def test_too_long() -> None:
    for scope, limit in ((HostingSecrets("shop"), 512), (HostingConfig("shop"), 1000)):
        with pytest.raises(InvalidPath, match="at most"):
            hosting_name(scope, "K" * limit)


def test_names_that_a_listing_finds() -> None:
    folder = "amplify/hosting/shop/secrets"
    found = {
        f"{folder}/KEY": ("", "KEY"),
        f"{folder}/prod/KEY": ("prod", "KEY"),
        f"{folder}/prod/deep/KEY": None,
        "amplify/hosting/shop/secretsandmore/KEY": None,
        "amplify/hosting/shopper/secrets/KEY": None,
    }
    assert {name: stage_and_key(folder, name) for name in found} == found


def test_keys_that_code_cannot_name() -> None:
    assert not any(map(code_remark, ("KEY", "_a1")))
    assert all(map(code_remark, ("my-key", "a.b", "1st")))
