"""Members choose what an app mails them about; changed accounts are on by default."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from console.auth import account_links
from console.auth.oidc.groups import sync_groups
from console.members import services
from console.models import AccountLink, AuditEvent, Member, Notice
from console.models.notifications import Kind, Subscription
from tests.factories import (
    audit_entries,
    collect_notices,
    create_command,
    delivered_mails,
    form_errors,
    messages_of,
    save_secrets,
    subscribe,
)
from tests.fixtures.mail import MailServer
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
PAGE = "/apps/d1shop/settings/notifications/"
MEMBERS = ["alice", "mia", "bob", "vera", "gina"]
As = Callable[[str], Client]


def chosen(name: str) -> set[str]:
    """Return the kinds that a person chose."""
    rows = Subscription.objects.filter(user__email=f"{name}@example.org", wanted=True)
    return set(rows.values_list("kind", flat=True))


@pytest.mark.usefixtures("mail_server")
@pytest.mark.parametrize("name", MEMBERS)
def test_it_works(client_for: As, name: str) -> None:
    browser = client_for(name)
    page = browser.get("/apps/d1shop/")
    assert f'href="{PAGE}"' in page.text
    assert "checked" not in browser.get(PAGE).text.partition("<form")[2].partition("</form>")[0]
    response = browser.post(PAGE, {"kinds": ["reveal", "rights"]}, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert messages_of(response) == [f"Saved. Mails go to {name}@example.org."]
    assert response.context["form"]["kinds"].initial == ["reveal", "rights"]
    assert chosen(name) == {"reveal", "rights"}
    subject = (
        "Someone reveals a secret on any branch; Members, groups, branches or their protection"
    )
    [entry] = audit_entries("notice.choose")
    assert entry == (name, "notice.choose", f"{subject} change", "succeeded")


@pytest.mark.usefixtures("mail_server")
@pytest.mark.parametrize("name", ["charlie", "oscar", "olga"])
def test_outsiders(client_for: As, name: str) -> None:
    assert client_for(name).get(PAGE).status_code == 404
    assert client_for(name).post(PAGE, {"kinds": ["reveal"]}).status_code == 404
    assert not Subscription.objects.exists()


@pytest.mark.usefixtures("mail_server")
def test_choice_is_per_user_and_app(client_for: As, world: World) -> None:
    client_for("alice").post(PAGE, {"kinds": list(Kind)})
    bobs = client_for("bob")
    bobs.post(PAGE, {"kinds": ["reveal"], "user": world.person("alice").pk, "app": "d2other"})
    bobs.post(PAGE, {"kinds": ["guarded-change"]})
    assert chosen("alice") == set(Kind)
    assert chosen("bob") == {"guarded-change"}
    assert set(Subscription.objects.values_list("app__app_id", flat=True)) == {"d1shop"}


@pytest.mark.usefixtures("mail_server")
def test_choose_the_same_again(client_for: As) -> None:
    browser = client_for("alice")
    for _ in range(2):
        browser.post(PAGE, {"kinds": ["reveal", "reveal"]})
    assert Subscription.objects.filter(wanted=True).count() == 1
    assert Subscription.objects.count() == 2  # one says that a kind on by default is off


@pytest.mark.usefixtures("mail_server")
def test_changed_accounts_are_mailed_by_default(client_for: As, world: World) -> None:
    for name in ("alice", "mia", "vera", "gina", "ivan", "charlie"):
        world.person(name)
    browser = client_for("vera")
    assert browser.get(PAGE).context["form"]["kinds"].initial == ["account"]
    assert recipients_of_a_link(world) == ["alice", "gina", "mia", "vera"]
    browser.post(PAGE, {"kinds": ["reveal"]})
    assert browser.get(PAGE).context["form"]["kinds"].initial == ["reveal"]
    assert recipients_of_a_link(world) == ["alice", "gina", "mia"]
    browser.post(PAGE, {"kinds": ["account"]})
    assert recipients_of_a_link(world) == ["alice", "gina", "mia", "vera"]


def recipients_of_a_link(world: World) -> list[str]:
    """Return who is told that the operator made a link for bob, who is suspended."""
    account_links.make_link(
        actor=world.actor("olga"),
        user=world.person("bob"),
        kind=AccountLink.Kind.PASSWORD,
        link_to=str,
        show=True,
    )
    collect_notices()
    names = Notice.objects.exclude(user__email="bob@example.org").order_by("user__email")
    found = [email.partition("@")[0] for email in names.values_list("user__email", flat=True)]
    Notice.objects.all().delete()
    return found


@pytest.mark.usefixtures("mail_server")
def test_single_sign_on_groups_are_mailed_by_default(world: World, settings: Any) -> None:
    settings.OIDC_GROUPS = {"web": "web"}
    world.person("alice")
    group = Group.objects.create(name="web")
    Member.objects.create(app=world.app, group=group, role="viewer")
    sync_groups(world.person("charlie"), {"groups": ["web"]})
    collect_notices()
    assert Notice.objects.filter(user=world.person("alice")).count() == 1


@pytest.mark.usefixtures("mail_server")
@pytest.mark.parametrize("way", ["directly", "by a group", "by a new group"])
def test_an_operator_who_joins_is_mailed_by_default(world: World, way: str) -> None:
    olga, actor = world.person("olga"), world.actor("olga")
    world.person("vera")
    if way == "directly":
        services.set_member(actor=actor, app=world.app, principal=olga, role="owner")
    else:
        group = Group.objects.create(name="web")
        if way == "by a group":
            Member.objects.create(app=world.app, group=group, role="viewer")
        services.set_group(actor=actor, group=group, users=[olga])
        if way == "by a new group":
            services.set_member(actor=actor, app=world.app, principal=group, role="viewer")
    collect_notices()
    assert Notice.objects.filter(user=world.person("vera")).count() == 1


@pytest.mark.usefixtures("mail_server")
def test_owners_set_roles_without_mail_by_default(world: World) -> None:
    """An operator who owns the app too acts as its owner."""
    Member.objects.create(app=world.app, user=world.person("olga"), role="owner")
    vera = world.person("vera")
    for name in ("alice", "olga"):
        person = world.person("charlie")
        services.set_member(actor=world.actor(name), app=world.app, principal=person, role="viewer")
    collect_notices()
    assert not Notice.objects.filter(user=vera).exists()


@pytest.mark.usefixtures("mail_server")
@pytest.mark.parametrize("kind", ["everything", "", "reveal\0", "REVEAL"])
def test_invalid_kind(client_for: As, kind: str) -> None:
    response = client_for("alice").post(PAGE, {"kinds": ["reveal", kind]})
    assert response.status_code == 422
    assert "kinds" in form_errors(response)
    assert not Subscription.objects.exists()
    assert not AuditEvent.objects.filter(action="notice.choose").exists()


def test_choosing_nothing_drops_pending_notices(
    alice: Client, world: World, mail_server: MailServer
) -> None:
    subscribe(world, "alice", Kind.GUARDED_CHANGE)
    save_secrets(world, create_command("API_KEY", branch=world.main), by="mia")
    collect_notices()
    assert Notice.objects.count() == 1
    response = alice.post(PAGE, {}, follow=True)
    assert messages_of(response) == ["Saved. You won't get any mails."]
    assert audit_entries("notice.choose")[-1][2] == "nothing"
    assert delivered_mails(mail_server) == []


def test_no_mail_server(alice: Client, settings: Any, mail_server: MailServer) -> None:
    alice.post(PAGE, {"kinds": ["reveal"]})
    settings.MAIL = False
    assert PAGE not in alice.get("/apps/d1shop/").text
    page = alice.get(PAGE)
    assert "Ask an operator to set EMAIL_URL and EMAIL_FROM" in page.text
    assert ">Save</button>" not in page.text
    response = alice.post(PAGE, {"kinds": ["rights"]})
    assert response.status_code == 422
    assert "Ask an operator to set EMAIL_URL" in response.text
    assert chosen("alice") == {"reveal"}  # unchanged
    assert audit_entries("notice.choose")[-1][3] == "failed"
