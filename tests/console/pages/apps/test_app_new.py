"""Creating an app."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.signals import post_save
from django.test import Client

from console.lib.naming.names import is_app_id
from console.models import App, AuditEvent, Member
from tests.factories import form_errors
from tests.fixtures.people import World

FORM = {"name": "Web shop", "app_id": "d1j5gg27qnqg3c", "path_profile": "both"}


def test_it_works(olga: Client, world: World) -> None:
    page = olga.get("/apps/new/")
    for words in (
        "Create app",
        "Path profile",
        "/amplify/d1j5gg27qnqg3c/main-branch-92c8a056ef/foo",
    ):
        assert words in page.text
    response = olga.post("/apps/new/", FORM | {"repository": "github.com/a/b"}, follow=True)
    assert response.redirect_chain == [("/apps/d1j5gg27qnqg3c/", 302)]
    assert "Created Web shop. Add its branches next." in response.text
    app = App.objects.get(app_id="d1j5gg27qnqg3c")
    assert (app.name, app.repository, app.region, app.path_profile) == (
        "Web shop", "github.com/a/b", "us-east-1", "both",
    )  # fmt: skip
    assert Member.objects.get(app=app).user == world.person("olga")
    assert Member.objects.get(app=app).role == "owner"


def test_generated_id(olga: Client) -> None:
    first, second = (olga.get("/apps/new/").context["form"]["app_id"].value() for _ in range(2))
    assert first != second
    assert is_app_id(first)
    assert len(first) == 14
    assert olga.post("/apps/new/", FORM | {"app_id": first}).status_code == 302


@pytest.mark.parametrize("profile", ["both", "documented", "backend"])
def test_each_profile(olga: Client, profile: str) -> None:
    assert olga.post("/apps/new/", FORM | {"path_profile": profile}).status_code == 302
    assert App.objects.get(app_id=FORM["app_id"]).path_profile == profile


@pytest.mark.parametrize(
    "app_id",
    [
        *("", "d", "D1J5GG27", "x1j5gg27", "shared", "resource_reference", "d1j5/gg27", "../d1"),
        *(
            "d1 j5",
            "d1-j5",
            "d1.j5",
            "d\u0661\u0662",
            "\uff441j5",
            "d" + "1" * 20,
            "d1\0j5",
            "d1\r\nj5",
        ),
    ],
)
def test_invalid_id(olga: Client, world: World, app_id: str) -> None:
    response = olga.post("/apps/new/", FORM | {"app_id": app_id})
    assert list(form_errors(response)) == ["app_id"]
    assert App.objects.count() == 2


@pytest.mark.parametrize("app_id", ["d1", "d" + "1" * 19, " d1j5gg27 "])
def test_shortest_and_longest_id(olga: Client, app_id: str) -> None:
    assert olga.post("/apps/new/", FORM | {"app_id": app_id}).status_code == 302
    assert App.objects.filter(app_id=app_id.strip()).exists()


def test_existing_id(olga: Client, world: World) -> None:
    response = olga.post("/apps/new/", FORM | {"app_id": "d1shop"})
    assert form_errors(response) == {
        "app_id": ["An app with this ID already exists. Ask its owner to add you."]
    }
    assert not Member.objects.filter(user=world.person("olga")).exists()


def test_id_taken_concurrently(olga: Client, world: World) -> None:
    def take(**_: Any) -> None:  # after the form's check, before the insert
        App.objects.create(app_id=FORM["app_id"], name="Theirs", region="us-east-1")

    post_save.connect(take, sender=AuditEvent)
    try:
        response = olga.post("/apps/new/", FORM)
    finally:
        post_save.disconnect(take, sender=AuditEvent)
    assert form_errors(response) == {"app_id": ["App with this App ID already exists."]}
    assert not Member.objects.filter(user=world.person("olga")).exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "x" * 256), ("repository", "x" * 1001), ("path_profile", "other")],
)
def test_other_fields_are_optional(olga: Client, field: str, value: str) -> None:
    response = olga.post("/apps/new/", FORM | {field: value})
    assert list(form_errors(response)) == [field]


def test_form_keeps_the_input(olga: Client) -> None:
    response = olga.post("/apps/new/", FORM | {"app_id": "nonsense", "name": "<Web & shop>"})
    assert response.context["form"]["app_id"].value() == "nonsense"
    assert "&lt;Web &amp; shop&gt;" in response.text


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_only_operators(client_for: Callable[[str], Client], name: str) -> None:
    for response in (client_for(name).get("/apps/new/"), client_for(name).post("/apps/new/", FORM)):
        assert response.status_code == 403
        assert "Only operators can do this." in response.text
    assert not App.objects.filter(app_id=FORM["app_id"]).exists()


def test_empty_post(olga: Client) -> None:
    assert set(form_errors(olga.post("/apps/new/"))) == {"name", "app_id", "path_profile"}


def test_sample_app(world: World, client_for: Callable[[str], Client], capsys: Any) -> None:
    client = client_for("olga")
    call_command("sample_app", owner="OLGA@example.org", verbosity=0)
    [card] = client.get("/").context["apps"]
    assert (card["name"], card["branch_count"], card["role"]) == ("Sample shop", 3, "Owner")
    rows = client.get(f"/apps/{card['app_id']}/hosting/secrets/").context["listing"].rows
    assert len(rows) == 8
