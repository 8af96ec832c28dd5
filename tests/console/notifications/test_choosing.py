"""Each member chooses what an app mails him about; nothing is chosen for anybody."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.models import AuditEvent, Notice
from console.models.notifications import Kind, Subscription
from tests.console.members.conftest import messages, trail
from tests.console.notifications.conftest import PAGE, Mailbox, Post
from tests.console.pages.conftest import errors
from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk

pytestmark = pytest.mark.django_db
MEMBERS = ["alice", "mia", "bob", "vera", "gina"]
As = Callable[[str], Client]


def chosen(name: str) -> set[str]:
    """Return what somebody chose."""
    rows = Subscription.objects.filter(user__email=f"{name}@example.org")
    return set(rows.values_list("kind", flat=True))


@pytest.mark.usefixtures("mailbox")
@pytest.mark.parametrize("name", MEMBERS)
def test_it_works(as_: As, name: str) -> None:
    browser = as_(name)
    page = browser.get("/apps/d1shop/")
    assert f'href="{PAGE}"' in page.text
    assert "checked" not in browser.get(PAGE).text.partition("<form")[2].partition("</form>")[0]
    answer = browser.post(PAGE, {"kinds": ["reveal", "rights"]}, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert messages(answer) == [f"Saved. Mails go to {name}@example.org."]
    assert answer.context["form"]["kinds"].initial == ["reveal", "rights"]
    assert chosen(name) == {"reveal", "rights"}
    said = "Someone reveals a secret on any branch; Members, groups, branches or their protection"
    [entry] = trail("notice.choose")
    assert entry == (name, "notice.choose", f"{said} change", "succeeded")


@pytest.mark.usefixtures("mailbox")
@pytest.mark.parametrize("name", ["charlie", "oscar", "olga"])
def test_who_is_no_member_has_no_choice(as_: As, name: str) -> None:
    assert as_(name).get(PAGE).status_code == 404
    assert as_(name).post(PAGE, {"kinds": ["reveal"]}).status_code == 404
    assert not Subscription.objects.exists()


@pytest.mark.usefixtures("mailbox")
def test_a_choice_is_ones_own_and_of_one_app(as_: As, world: World) -> None:
    as_("alice").post(PAGE, {"kinds": list(Kind)})
    bobs = as_("bob")
    bobs.post(PAGE, {"kinds": ["reveal"], "user": world.person("alice").pk, "app": "d2other"})
    bobs.post(PAGE, {"kinds": ["guarded-change"]})
    assert chosen("alice") == set(Kind)
    assert chosen("bob") == {"guarded-change"}
    assert set(Subscription.objects.values_list("app__app_id", flat=True)) == {"d1shop"}


@pytest.mark.usefixtures("mailbox")
def test_choosing_the_same_again(as_: As) -> None:
    browser = as_("alice")
    for _ in range(2):
        browser.post(PAGE, {"kinds": ["reveal", "reveal"]})
    assert Subscription.objects.count() == 1


@pytest.mark.usefixtures("mailbox")
@pytest.mark.parametrize("kind", ["everything", "", "reveal\0", "REVEAL"])
def test_what_is_no_choice(as_: As, kind: str) -> None:
    answer = as_("alice").post(PAGE, {"kinds": ["reveal", kind]})
    assert answer.status_code == 422
    assert "kinds" in errors(answer)
    assert not Subscription.objects.exists()
    assert not AuditEvent.objects.filter(action="notice.choose").exists()


def test_choosing_nothing_drops_what_waits(alice: Client, post: Post, desk: Desk) -> None:
    post.choose("alice", Kind.GUARDED_CHANGE)
    desk.save("mia", desk.new("API_KEY", branch=post.world.main))
    post.notes()
    assert Notice.objects.count() == 1
    answer = alice.post(PAGE, {}, follow=True)
    assert messages(answer) == ["Saved. You won't get any mails."]
    assert trail("notice.choose")[-1][2] == "nothing"
    assert post.comes() == []


def test_without_a_mail_server(alice: Client, settings: Any, mailbox: Mailbox) -> None:
    alice.post(PAGE, {"kinds": ["reveal"]})
    settings.MAIL = False
    assert PAGE not in alice.get("/apps/d1shop/").text
    page = alice.get(PAGE)
    assert "Ask an operator to set EMAIL_URL and EMAIL_FROM" in page.text
    assert '<button class="button primary"' not in page.text
    answer = alice.post(PAGE, {"kinds": ["rights"]})
    assert answer.status_code == 422
    assert "Ask an operator to set EMAIL_URL" in answer.text
    assert chosen("alice") == {"reveal"}  # as it was
    assert trail("notice.choose")[-1][3] == "failed"
