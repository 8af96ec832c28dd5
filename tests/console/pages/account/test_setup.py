"""The one-time page that makes the first operator."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core import signing
from django.core.management import call_command
from django.db import connection
from django.test import Client

from console.auth.bootstrap import link_path
from console.models import App, AuditEvent, User
from secrets_app.models import Secret
from tests.factories import form_errors
from tests.fixtures.waiting import LONGEST

PASSWORD = "correct horse battery staple"
FORM = {"email": "Olga@Example.org", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def link(db: None) -> str:
    """Return the link that a start prints."""
    return link_path()


def test_it_works(client: Client, link: str) -> None:
    page = client.get(link)
    assert page.status_code == 200
    assert page.context["form"].fields["sample_app"].initial is True
    for words in ("Set up Branchkeep", "Add a sample app", "At least 12 characters."):
        assert words in page.text
    response = client.post(link, FORM | {"sample_app": "on"}, follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert "Branchkeep is set up. Welcome!" in response.text
    user = User.objects.get()
    assert (user.email, user.is_superuser, user.is_active) == ("olga@example.org", True, True)
    assert user.check_password(PASSWORD)
    assert response.context["user"] == user  # signed in
    assert [card["name"] for card in response.context["apps"]] == ["Sample shop"]
    assert Secret.objects.count() == 8


def test_without_the_sample_app(client: Client, link: str) -> None:
    response = client.post(link, FORM, follow=True)
    assert not App.objects.exists()
    assert "Next steps" in response.text


def test_first_page_before_the_set_up(client: Client, link: str) -> None:
    response = client.get("/", follow=True)
    assert (response.status_code, response.redirect_chain) == (
        200, [("/accounts/login/?next=/", 302)],
    )  # fmt: skip
    for words in ("There are no accounts yet", "make run", "docker compose logs console"):
        assert words in response.text
    assert "manage.py setup_link" in response.text
    assert "/setup/" not in response.text
    assert 'type="password"' not in response.text


def test_sign_in_before_the_set_up(client: Client, link: str) -> None:
    fields = {"login": "olga@example.org", "password": PASSWORD}
    assert "There are no accounts yet" in client.post("/accounts/login/", fields).text
    client.post(link, FORM)
    page = Client().get("/accounts/login/")
    assert 'type="password"' in page.text
    assert "There are no accounts yet" not in page.text


def test_steps_after_the_set_up(client: Client, link: str, settings: Any) -> None:
    client.post(link, FORM | {"sample_app": "on"})
    page = client.get("/")
    assert page.context["first_steps"] is True
    for words in ("Add your app", "Connect the parameter store", "Invite your team"):
        assert words in page.text
    for address in ("/apps/new/", "/operation/doctor/"):
        assert f'href="{address}"' in page.text
    assert "PARAMETER_STORE=ssm" in page.text
    assert "You get a link to share" in page.text
    settings.PARAMETER_STORE, settings.MAIL = "ssm", True
    page = client.get("/")
    assert "The doctor tests whether Branchkeep has the" in page.text
    assert "Branchkeep mails each invitation" in page.text


def test_steps_end_with_the_first_app_of_ones_own(client: Client, link: str) -> None:
    client.post(link, FORM | {"sample_app": "on"})
    fields = {"name": "Shop", "app_id": "d1shop", "path_profile": "both"}
    created = client.post("/apps/new/", fields, follow=True)
    assert "Add its branches next." in created.text
    page = client.get("/")
    assert "Next steps" not in page.text
    assert [card["name"] for card in page.context["apps"]] == ["Sample shop", "Shop"]


def test_steps_are_for_operators(client: Client, link: str) -> None:
    client.post(link, FORM | {"sample_app": "on"})
    assert "Next steps" in client.get("/").text
    other = Client()
    other.force_login(User.objects.create_user("bob@example.org"))
    assert "Next steps" not in other.get("/").text


def test_audit_log(client: Client, link: str) -> None:
    client.post(link, FORM)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", "subject")) == [
        ("operator.create", "Olga@Example.org"),
        ("session.sign_in", ""),
    ]


def test_link_works_once(client: Client, link: str) -> None:
    client.post(link, FORM)
    assert link_path() == ""
    for visitor in (client, Client()):
        assert visitor.get(link).status_code == 404
        assert visitor.post(link, FORM | {"email": "two@example.org"}).status_code == 404
    assert User.objects.count() == 1


def test_link_is_invalid_once_a_user_exists(client: Client, link: str) -> None:
    User.objects.create_user("bob@example.org")
    assert client.get(link).status_code == 404


def test_expired_link(client: Client, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = signing.time.time()  # type: ignore[attr-defined]
    day = 24 * 3600
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + day - 60)
    assert client.get(link).status_code == 200
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + day + 60)
    assert client.get(link).status_code == 404
    assert client.post(link, FORM).status_code == 404


WRONG = {
    "nonsense": "x",
    "three parts": "a:b:c",
    "NUL": "%00",
    "dots": "..",
    "another purpose": signing.dumps("first operator", salt="another purpose"),
    "another key": signing.dumps("first operator", key="another" * 9, salt="console.setup"),
}


@pytest.mark.parametrize("token", WRONG.values(), ids=WRONG)
def test_wrong_token(client: Client, db: None, token: str) -> None:
    assert client.get(f"/setup/{token}/").status_code == 404
    assert client.post(f"/setup/{token}/", FORM).status_code == 404
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "too short"),
        ("elevenchars", "too short"),
        ("123456789012345", "entirely numeric"),
        ("1qaz2wsx3edc", "too common"),
        ("olga@example.org", "too similar"),
    ],
)
def test_weak_password(client: Client, link: str, password: str, says: str) -> None:
    response = client.post(link, FORM | {"password1": password, "password2": password})
    [text] = form_errors(response)["password1"]
    assert says in text
    assert f'value="{password}"' not in response.text.partition('name="password1"')[2]
    assert not User.objects.exists()


def test_different_passwords(client: Client, link: str) -> None:
    response = client.post(link, FORM | {"password2": PASSWORD + " "})
    assert form_errors(response) == {"password2": ["The passwords don't match. Enter them again."]}
    assert PASSWORD not in response.text


@pytest.mark.parametrize("password", [" spaces at both ends ", "пароль из букв", "🔑" * 12])
def test_password_is_not_trimmed(client: Client, link: str, password: str) -> None:
    client.post(link, FORM | {"password1": password, "password2": password})
    assert User.objects.get().check_password(password)


@pytest.mark.parametrize("email", ["", "olga", "olga@", "@example.org", "a\0b@example.org"])
def test_invalid_email(client: Client, link: str, email: str) -> None:
    assert list(form_errors(client.post(link, FORM | {"email": email}))) == ["email"]
    assert not User.objects.exists()


def test_empty_post(client: Client, link: str) -> None:
    assert set(form_errors(client.post(link))) == {"email", "password1", "password2"}


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_concurrent_uses() -> None:
    link, together = link_path(), Barrier(4)

    def race(number: int) -> Any:
        client = Client(raise_request_exception=False)
        try:
            assert client.get(link).status_code == 200  # both have opened the page
            together.wait(timeout=LONGEST)
            return client.post(link, FORM | {"email": f"{number}@example.org"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(race, range(4)))
    assert User.objects.count() == 1
    assert statuses[0] == 302
    assert set(statuses[1:]) <= {403, 404}


@pytest.mark.parametrize(
    ("hosts", "base"),
    [
        ("console.example.org", "https://console.example.org"),
        ("localhost,.example.org,console.example.org", "https://console.example.org"),
        (".example.org", "https://example.org"),
    ],
)
def test_command_prints_the_link(
    link: str, settings: Any, capsys: Any, hosts: str, base: str
) -> None:
    settings.LOCAL, settings.ALLOWED_HOSTS = False, hosts.split(",")
    call_command("setup_link")
    assert capsys.readouterr().out.startswith(f"{base}/setup/")


def test_command_on_localhost(link: str, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("PORT", "8001")
    call_command("setup_link")
    assert capsys.readouterr().out.startswith("http://127.0.0.1:8001/setup/")
