"""With a mail server, the invitation link is mailed and not shown."""

import re
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from console.models import Invitation, Member
from tests.factories import audit_entries, form_errors
from tests.fixtures.people import World

MEMBERS = "/apps/d1shop/settings/members/"
POST = {"email": "new@example.org", "role": "developer", "patterns": "dev"}


@pytest.fixture(autouse=True)
def _server(settings: Any) -> None:
    settings.MAIL = True
    settings.DEFAULT_FROM_EMAIL = "console@example.org"
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]


def test_it_works(alice: Client, client: Client, mailoutbox: Any) -> None:
    response = alice.post(f"{MEMBERS}invite/", POST)
    [mail] = mailoutbox
    assert (mail.to, mail.from_email) == (["new@example.org"], "console@example.org")
    assert mail.subject == "Invitation to Shop"
    assert "alice@example.org invited you to the app Shop as developer on dev." in mail.body
    [link] = re.findall(r"http://testserver(/invitations/\S+/)", mail.body)
    token = link.split("/")[-2]
    assert token not in response.text
    assert "We emailed the link." in response.text
    good = {"password1": "long enough 1", "password2": "long enough 1"}
    assert client.post(link, good).status_code == 302
    assert Member.objects.get(user__email="new@example.org").role == "developer"


def test_name_with_line_breaks(alice: Client, world: World, mailoutbox: Any) -> None:
    world.app.name = "Shop\nBcc: all@example.org"
    world.app.save()
    alice.post(f"{MEMBERS}invite/", POST)
    assert mailoutbox[0].subject == "Invitation to Shop Bcc: all@example.org"


def test_links_use_https_in_a_deployment(alice: Client, settings: Any, mailoutbox: Any) -> None:
    settings.LOCAL = False
    alice.post(f"{MEMBERS}invite/", POST, headers={"Host": "testserver"})
    assert "https://testserver/invitations/" in mailoutbox[0].body


@pytest.mark.parametrize("error", [OSError("refused"), SMTPServerDisconnected("gone")])
def test_mail_server_fails(
    alice: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    response = alice.post(f"{MEMBERS}invite/", POST)
    assert "The mail server rejected the invitation" in form_errors(response)["__all__"][0]
    assert response.context["form"]["email"].value() == "new@example.org"
    assert not Invitation.objects.exists()
    assert audit_entries("member.invite")[-1][3] == "failed"
