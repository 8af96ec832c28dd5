"""A name that looks exactly like another branch is refused; one that came otherwise is marked."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.models import Branch
from console.models.notifications import Kind
from secrets_app.reveal import reveal
from tests.factories import (
    create_branch,
    delivered_mails,
    form_errors,
    set_secret,
    set_variable,
    subscribe,
)
from tests.fixtures.mail import MailServer
from tests.fixtures.people import World

ADD = "/apps/d1shop/settings/branches/add/"
SOFT_HYPHEN = "ma\u00adin"
CYRILLIC = "m\u0430in"
MARKS = {
    SOFT_HYPHEN: "Looks like main, contains invisible U+00AD",
    CYRILLIC: "Looks like main",
    "rnain": "Looks like main",
    "main\u200b": "Looks like main, contains invisible U+200B",
    "a\u2028b": "Contains invisible U+2028",
}


def add(client: Client, name: str) -> Any:
    """Post the form that adds a branch."""
    return client.post(ADD, {"name": name, "stage": "NONE"})


@pytest.mark.parametrize(
    "name",
    [
        *(SOFT_HYPHEN, "main\u2060", "ma\u2028in", "\u2029main", "main\u3164", "\u115fmain"),
        *("ma\u1160in", "main\uffa0", "main\u2800", " main", "main ", "main\u00a0", "\u3000main"),
        *("ma\u200din", "main\u200c", "main\ufe0f", "main\U000e0061", "ma\u034fin", "main\u061c"),
    ],
    ids=ascii,
)
def test_it_works(alice: Client, world: World, name: str) -> None:
    [says] = form_errors(add(alice, name))["name"]
    assert "looks exactly like “main”" in says
    assert "U+" in says
    assert world.app.branches.count() == 2


def test_a_deleted_branch_counts(alice: Client, world: World) -> None:
    alice.post(reverse("branch_delete", args=["d1shop", world.dev.pk]))
    assert "looks exactly like “dev”" in form_errors(add(alice, "d\u00adev"))["name"][0]
    assert add(alice, "dev").status_code == 302  # itself


def test_adding_a_lookalike_again(alice: Client, world: World) -> None:
    lookalike = create_branch(world, SOFT_HYPHEN)
    alice.post(reverse("branch_delete", args=["d1shop", lookalike.pk]))
    assert "looks exactly like “main”" in form_errors(add(alice, SOFT_HYPHEN))["name"][0]


def test_the_plain_name_after_its_lookalike(alice: Client, world: World) -> None:
    create_branch(world, "a\u00adb")
    [says] = form_errors(add(alice, "ab"))["name"]
    assert says.startswith("This name looks exactly like “a<U+00AD>b”, which another branch has.")


@pytest.mark.parametrize("name", ["All\u00a0branches", " All branches", "All\u00adbranches "])
def test_all_branches(alice: Client, world: World, name: str) -> None:
    response = add(alice, name)
    looks_alike = "\u00ad" not in name  # without a space it does not
    assert response.status_code == (422 if looks_alike else 302)


def test_the_same_letters_composed_differently(alice: Client, world: World) -> None:
    assert add(alice, "caf\u00e9").status_code == 302
    assert "looks exactly like" in form_errors(add(alice, "cafe\u0301"))["name"][0]


def test_a_name_with_invisible_characters_of_its_own(alice: Client, world: World) -> None:
    assert add(alice, "a\u2028b").status_code == 302
    assert MARKS["a\u2028b"] in alice.get("/apps/d1shop/settings/branches/").text


@pytest.mark.parametrize("name", [CYRILLIC, "rnain", "\uff4dain", "DEV"], ids=ascii)
def test_confusable_names_are_added_and_marked(alice: Client, world: World, name: str) -> None:
    assert add(alice, name).status_code == 302
    page = alice.get("/apps/d1shop/settings/branches/").text
    assert ("Looks like main" in page) == (name != "DEV")


def test_another_apps_names_do_not_count(alice: Client, world: World) -> None:
    Branch.objects.create(app=world.other_app, name="new")
    assert add(alice, "n\u00adew").status_code == 302


PAGES = {
    "branches": "/apps/d1shop/settings/branches/",
    "edit": "/apps/d1shop/settings/branches/{pk}/",
    "delete": "/apps/d1shop/settings/branches/{pk}/delete/",
    "overview": "/apps/d1shop/",
    "secrets": "/apps/d1shop/hosting/secrets/",
    "effective secrets": "/apps/d1shop/hosting/secrets/?branch={pk}",
    "edit mode of secrets": "/apps/d1shop/hosting/secrets/manage/",
    "secret": "/apps/d1shop/hosting/secrets/{secret}/",
    "variables": "/apps/d1shop/hosting/environment-variables/",
    "effective variables": "/apps/d1shop/hosting/environment-variables/?branch={pk}",
    "edit mode of variables": "/apps/d1shop/hosting/environment-variables/manage/",
    "variable": "/apps/d1shop/hosting/environment-variables/{variable}/",
    "build settings": "/apps/d1shop/hosting/build-settings/?branch={pk}",
    "edit build settings": "/apps/d1shop/hosting/build-settings/edit/?branch={pk}",
    "activity": "/apps/d1shop/activity/",
    "check access": "/apps/d1shop/settings/members/decision/",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == SOFT_HYPHEN else pytest.mark.exhaustive)
        for name in MARKS
    ],
    ids=ascii,
)
def test_every_page_marks_it(alice: Client, world: World, name: str) -> None:
    branch = create_branch(world, name)
    secret = set_secret(world, "API_KEY", branch=branch)
    variable = set_variable(world, "API_URL", "https://example.org", branch)
    for page, url in PAGES.items():
        text = alice.get(url.format(pk=branch.pk, secret=secret.pk, variable=variable.pk)).text
        assert MARKS[name] in text, page
        assert not re.search(r"main\s*\(Looks like", text.replace(name, "")), page


def test_selects_mark_it(alice: Client, world: World) -> None:
    branch = create_branch(world, CYRILLIC)
    option = f"{CYRILLIC} (Looks like main)</option>"
    for url in ("secrets/", "secrets/manage/", "environment-variables/", "build-settings/"):
        assert option in alice.get(f"/apps/d1shop/hosting/{url}").text, url
    branch.deleted_at = branch.created_at
    branch.save()
    set_secret(world, "API_KEY")
    assert (
        f"{CYRILLIC} (Looks like main) (deleted)"
        not in alice.get("/apps/d1shop/hosting/secrets/").text
    )  # it has no secrets


def test_the_list_of_commands_marks_it(world: World, manage: Any) -> None:
    set_secret(world, "API_KEY", branch=create_branch(world, CYRILLIC))
    listed = manage("secret", "list", "--app", "d1shop", "--as", "alice@example.org")
    assert f"{CYRILLIC} (Looks like main)" in listed.out


def test_a_branch_from_elsewhere_can_be_used(alice: Client, world: World, manage: Any) -> None:
    branch = create_branch(world, "main\u200b")
    post = {"stage": "BETA"}
    url = reverse("branch_edit", args=["d1shop", branch.pk])
    assert alice.post(url, post).status_code == 302
    set_secret(world, "API_KEY", "of the other", branch)
    args = ("--app", "d1shop", "--branch", branch.name, "--as", "alice@example.org")
    assert manage("secret", "get", "API_KEY", *args).out == "of the other"


def test_the_admin_spells_it_out(olga: Client, world: World) -> None:
    create_branch(world, SOFT_HYPHEN)
    assert "ma&lt;U+00AD&gt;in" in olga.get("/admin/console/branch/").text


def test_mails_mark_it(world: World, mail_server: MailServer) -> None:
    branch = create_branch(world, "rnain")
    subscribe(world, "alice", Kind.REVEAL)
    secret = set_secret(world, "API_KEY", branch=branch, by="mia")
    reveal(actor=world.actor("mia"), app_id="d1shop", pk=secret.pk)
    [mail] = delivered_mails(mail_server)
    assert mail["Subject"].endswith("API_KEY (rnain: Looks like main)")
    assert "rnain: Looks like main" in mail.get_content()
