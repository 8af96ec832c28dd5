"""Any Git branch name round-trips byte for byte; invalid names are refused (guarantee 31)."""

import pytest
from django.test import Client

from console.models import Branch
from tests.factories import form_errors
from tests.fixtures.people import World

ADD = "/apps/d1shop/settings/branches/add/"
NAMES = {
    "slash": "feature/login",
    "hash": "fix/#42",
    "question mark": "what?",
    "percent": "100%",
    "encoded": "a%2Fb%00",
    "dots": "a..b",
    "only dots": "..",
    "up and out": "../../etc/passwd",
    "colon": "a:b",
    "at": "@{upstream}",
    "spaces": "a b  c",
    "spaces at both ends": "  both  ",
    "one space": " ",
    "plus and ampersand": "a+b&c=d;e",
    "quotes": "\"double\" 'single' `back`",
    "markup": "<script>alert(1)</script>",
    "template": "{{ app }}{% now %}",
    "backslash": "a\\b",
    "SQL": "'; DROP TABLE console_branch; --",
    "Japanese": "日本語/ブランチ",
    "Arabic": "فرع",
    "emoji": "🚀/👩‍👩‍👧",
    "combining": "e\u0301",
    "composed": "é",
    "Hindi, with a joiner": "\u0915\u094d\u200d\u0937",
    "soft hyphen": "a\u00adb",
    "almost all of them": "all branches",
    "line separator": "a\u2028b",
    "no-break space": "a\u00a0b",
    "upper case": "DEV",
    "like a backend folder": "main-branch-92c8a056ef",
    "255 characters": "x" * 255,
    "255 signs of four bytes": "🚀" * 255,
    "settings page": "add",
}


@pytest.fixture
def client(alice: Client) -> Client:
    """Return the owner's browser."""
    return alice


@pytest.mark.exhaustive_on_postgres
def test_it_works(client: Client, world: World) -> None:
    for name in NAMES.values():
        assert client.post(ADD, {"name": name, "stage": "NONE"}).status_code == 302, name
        branch = world.app.branches.latest("pk")
        assert branch.name == name
        branch.delete()  # the next one may look like it


def test_pages_of_each_name(client: Client, world: World) -> None:
    settings = "/apps/d1shop/settings/branches/"
    for name in NAMES.values():
        branch = Branch.objects.create(app=world.app, name=name)
        for url in (f"{settings}{branch.pk}/", f"{settings}{branch.pk}/delete/"):
            assert client.get(url).status_code == 200, (name, url)
    listed = client.get(settings).context["branches"]
    assert {branch.name for branch in listed} == {"main", "dev", *NAMES.values()}
    assert client.get("/apps/d1shop/").status_code == 200


@pytest.mark.exhaustive
def test_secrets_of_each_name(client: Client, world: World) -> None:
    secrets, post = "/apps/d1shop/hosting/secrets/", {}
    branches = [Branch.objects.create(app=world.app, name=name) for name in NAMES.values()]
    for number, branch in enumerate(branches, start=1):
        post |= {f"new-{number}-key": "KEY", f"new-{number}-value": f"of {branch.pk}"}
        post |= {f"new-{number}-branch": str(branch.pk)}
    assert client.post(f"{secrets}manage/", post).status_code == 302
    for branch in branches:
        [row] = client.get(f"{secrets}?branch={branch.pk}").context["listing"].rows
        assert (row.branch, row.key, row.origin) == (branch.name, "KEY", "own")
        assert f"of {branch.pk}" in client.post(f"{secrets}{row.pk}/reveal/").text


@pytest.mark.exhaustive_on_postgres
def test_similar_names_are_distinct(client: Client, world: World) -> None:
    for name in ("é", "è", "Dev", "DEV", "dev-", "d ev"):
        assert client.post(ADD, {"name": name, "stage": "NONE"}).status_code == 302
    assert world.app.branches.count() == 8


@pytest.mark.parametrize("name", ["a\nb", "a\r\nb", "a\tb", "a\x1b[31mb", "a\x7fb", "a\x9bb", "\n"])
def test_control_characters(client: Client, world: World, name: str) -> None:
    says = form_errors(client.post(ADD, {"name": name, "stage": "NONE"}))
    assert says == {
        "name": [
            "Branch names can't contain control characters. Remove line breaks, tabs and similar "
            "characters."
        ]
    }
    assert world.app.branches.count() == 2


@pytest.mark.parametrize("sign", "\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff")
def test_disguising_character(client: Client, world: World, sign: str) -> None:
    says = form_errors(client.post(ADD, {"name": f"ma{sign}in", "stage": "NONE"}))
    assert list(says) == ["name"]
    assert "an invisible character. Remove it." in says["name"][0]
    assert world.app.branches.count() == 2


def test_reserved_name_of_all_branches(client: Client, world: World) -> None:
    says = form_errors(client.post(ADD, {"name": "All branches", "stage": "NONE"}))
    assert says == {"name": ["“All branches” is reserved. Choose another name."]}
    assert world.app.branches.count() == 2


@pytest.mark.both_databases
def test_nul(client: Client, world: World) -> None:
    [says] = form_errors(client.post(ADD, {"name": "a\0b", "stage": "NONE"}))["name"]
    assert "ull characters" in says
    assert world.app.branches.count() == 2


def test_empty_name(client: Client) -> None:
    assert list(form_errors(client.post(ADD, {"name": "", "stage": "NONE"}))) == ["name"]


@pytest.mark.parametrize("sign", ["x", "🚀"])
def test_too_long_name(client: Client, sign: str) -> None:
    [says, *_] = form_errors(client.post(ADD, {"name": sign * 256, "stage": "NONE"}))["name"]
    assert "255 characters" in says
    assert "256" in says


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["dev", "main"])
def test_existing_name(client: Client, world: World, name: str) -> None:
    says = form_errors(client.post(ADD, {"name": name, "stage": "NONE"}))
    assert says == {"name": ["This app already has a branch with this name."]}
    assert world.app.branches.count() == 2


@pytest.mark.both_databases
def test_same_name_in_another_app(client: Client, world: World) -> None:
    Branch.objects.create(app=world.other_app, name="new")
    assert client.post(ADD, {"name": "new", "stage": "NONE"}).status_code == 302
