"""The admin: every list, search, filter and form works, and none shows a value (guarantee 18)."""

from collections.abc import Callable

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import models
from django.test import Client

from console.auth.mfa import recovery_codes
from console.models import App, AuditEvent, Member, User
from secrets_app.models import EmbeddedParameter, EmbeddedVersion, Revalidation
from tests.factories import messages_of, set_secret, set_variable
from tests.fixtures.people import World

CANARY = "canary"  # a value and a variable
SITE = admin.site._registry
NAMES = {model._meta.label_lower: model for model in SITE}
DELETABLE = {
    "console.member",
    "auth.group",
    "socialaccount.socialaccount",
}  # through a service, one at a time


def url(model: type[models.Model], page: str = "") -> str:
    """Return the URL of a model's list."""
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"


@pytest.fixture
def everything(world: World, olga: Client) -> None:
    """Give each table a row, and store and reveal a value."""
    for name in ("bob", "vera"):
        world.person(name)
    secret = set_secret(world, "API_KEY", "canary", world.dev)
    set_secret(world, "API_KEY", "canary")
    alice = Client()
    alice.force_login(world.person("alice"))
    alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    set_variable(world, "PLAIN", CANARY)
    recovery_codes.generate(world.person("bob"))
    SocialAccount.objects.create(user=world.person("bob"), provider="https://id.example", uid="bob")
    Member.objects.create(app=world.app, group=Group.objects.create(name="ops"), role="viewer")


def test_it_works(olga: Client, everything: None) -> None:
    page = olga.get("/admin/")
    assert page.status_code == 200
    for words in ("Users", "Apps", "Branches", "Members", "Audit events", "Secrets"):
        assert words in page.text


def test_registered_models() -> None:
    assert set(NAMES) == {
        *("console.user", "console.app", "console.branch", "console.member", "auth.group"),
        *("console.auditevent", "console.auditoutcome", "secrets_app.secret"),
        *("envvars_app.variable", "mfa.authenticator", "socialaccount.socialaccount"),
    }
    for hidden in (EmbeddedParameter, EmbeddedVersion, Revalidation):
        assert hidden not in SITE


def test_lists(olga: Client, everything: None) -> None:
    for model in SITE:
        response = olga.get(url(model))
        assert response.status_code == 200, model
        assert response.context["cl"].result_count == model._default_manager.count(), model
        assert CANARY not in response.text, model


def test_search(olga: Client, everything: None) -> None:
    for model in SITE:
        assert SITE[model].search_fields, model
        none = olga.get(url(model), {"q": "zzz-nothing"})
        assert none.context["cl"].result_count == 0, model
        some = olga.get(url(model), {"q": "o"})
        assert some.context["cl"].result_count > 0, model
        assert CANARY not in some.text, model
        assert olga.get(url(model), {"q": CANARY}).context["cl"].result_count == 0, model


def test_filters(olga: Client, everything: None) -> None:
    for model in SITE:
        shown = olga.get(url(model)).context["cl"]
        assert shown.filter_specs, model
        for choices in shown.filter_specs:
            for choice in choices.choices(shown):
                response = olga.get(url(model) + choice["query_string"])
                assert response.status_code == 200, (model, choice)
                assert CANARY not in response.text, (model, choice)


def test_sorting(olga: Client, everything: None) -> None:
    for model in SITE:
        for column in range(len(SITE[model].list_display) + 1):
            for direction in ("", "-"):
                response = olga.get(url(model), {"o": f"{direction}{column}"})
                assert response.status_code == 200, (model, direction, column)


def test_change_pages(olga: Client, everything: None) -> None:
    for model in SITE:
        for pk in model._default_manager.values_list("pk", flat=True):
            for page in ("change/", "history/"):
                response = olga.get(url(model, f"{pk}/{page}"))
                assert response.status_code == 200, (model, pk, page)
                assert CANARY not in response.text, (model, pk, page)


def test_missing_rows(olga: Client) -> None:
    for model in SITE:
        for pk in ("999999", "x", "9" * 30, "%00"):
            response = olga.get(url(model, f"{pk}/change/"), follow=True)
            assert response.status_code == 200, (model, pk)  # the index, with a message
            assert "doesn\N{RIGHT SINGLE QUOTATION MARK}t exist" in response.text, (model, pk)


@pytest.mark.parametrize("name", ["", "alice", "charlie"])
def test_others_are_denied(client_for: Callable[[str], Client], name: str) -> None:
    client = client_for(name)
    for model in SITE:
        answers = client.get(url(model), follow=True), client.post(url(model, "add/"), follow=True)
        for response in answers:
            assert response.status_code == (403 if name else 200), model  # 200: to sign in
            assert "Branchkeep operators" not in response.text, model


def test_staff_without_superuser(client_for: Callable[[str], Client], world: World) -> None:
    User.objects.filter(pk=world.person("bob").pk).update(is_staff=True)
    assert client_for("bob").get("/admin/").status_code == 302
    assert client_for("bob").get("/admin/login/").status_code == 403


def test_nothing_can_be_deleted(olga: Client, everything: None) -> None:
    for model in (NAMES[label] for label in NAMES if label not in DELETABLE):
        pks = list(model._default_manager.values_list("pk", flat=True))
        one = olga.post(url(model, f"{pks[0]}/delete/"), {"post": "yes"})
        assert one.status_code == 403, model
        chosen = {"action": "delete_selected", "_selected_action": pks, "post": "yes"}
        olga.post(url(model), chosen)
        assert set(pks) <= set(model._default_manager.values_list("pk", flat=True)), model


# People


def test_add_user(olga: Client, world: World) -> None:
    response = olga.post(url(User, "add/"), {"email": "New@Example.org"})
    user = User.objects.get(email="new@example.org")
    assert (user.is_superuser, user.is_staff, user.is_active) == (False, False, True)
    assert not user.has_usable_password()
    assert "/accounts/link/" in response.text  # tests/console/auth/test_account_links.py


@pytest.mark.parametrize("email", ["nonsense", "BOB@example.org", ""])
def test_invalid_users(olga: Client, world: World, email: str) -> None:
    world.person("bob")
    before = User.objects.count()
    response = olga.post(url(User, "add/"), {"email": email})
    assert response.status_code == 200
    assert "email" in response.context["adminform"].form.errors
    assert User.objects.count() == before


def test_operator_and_admin_access_go_together(olga: Client, world: World) -> None:
    bob = world.person("bob")
    form = {"email": bob.email, "is_active": "on"}
    olga.post(url(User, f"{bob.pk}/change/"), form | {"is_superuser": "on"})
    bob.refresh_from_db()
    assert (bob.is_superuser, bob.is_staff) == (True, True)
    olga.post(url(User, f"{bob.pk}/change/"), form)
    bob.refresh_from_db()
    assert (bob.is_superuser, bob.is_staff) == (False, False)


@pytest.mark.parametrize("selected", ["is_active", "is_superuser"])
def test_last_operator_is_kept(olga: Client, world: World, selected: str) -> None:
    person = world.person("olga")
    form = {"email": person.email, selected: "on"}
    page = url(User, f"{person.pk}/change/")
    assert messages_of(olga.post(page, form, follow=True)) == [
        "This is the last operator. Make someone else an operator first."
    ]
    User.objects.create_superuser("second@example.org")
    assert olga.post(page, form).status_code == 302
    person.refresh_from_db()
    assert not (person.is_active and person.is_superuser)


def test_password_hash_is_not_shown(olga: Client, world: World) -> None:
    bob = world.person("bob")
    text = olga.get(url(User, f"{bob.pk}/change/")).text
    assert bob.password not in text
    assert bob.password.split("$")[-1] not in text


# Members


@pytest.fixture
def owner(world: World) -> Member:
    """Return the membership of alice, the last owner."""
    world.person("alice")
    return Member.objects.get(user=world.person("alice"))


LAST = "This is the app's last owner. Make someone else an owner first."


def test_add_member(olga: Client, world: World) -> None:
    form = {"app": world.app.pk, "user": world.person("charlie").pk, "role": "developer"}
    response = olga.post(url(Member, "add/"), form, follow=True)
    assert response.status_code == 200
    member = Member.objects.get(app=world.app, user=world.person("charlie"))
    assert member.role == "developer"
    [said] = messages_of(response)
    assert "was added successfully" in said


def test_existing_member(olga: Client, world: World, owner: Member) -> None:
    form = {"app": world.app.pk, "user": owner.user_id, "role": "viewer"}
    response = olga.post(url(Member, "add/"), form)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert Member.objects.get(pk=owner.pk).role == "owner"


def test_operator_who_joins_is_recorded(olga: Client, world: World) -> None:
    form = {"app": world.app.pk, "user": world.person("olga").pk, "role": "maintainer"}
    olga.post(url(Member, "add/"), form)
    assert olga.get("/apps/d1shop/").status_code == 200
    entry = olga.get("/apps/d1shop/activity/").context["page"].object_list[0]
    assert entry.actor == "olga@example.org"
    assert entry.sentence == "set, as an operator, the role of a member"
    assert entry.subject == "olga@example.org: maintainer"


@pytest.mark.parametrize("role", ["viewer", "developer", "maintainer"])
def test_last_owner_cannot_be_demoted(olga: Client, owner: Member, role: str) -> None:
    response = olga.post(url(Member, f"{owner.pk}/change/"), {"role": role}, follow=True)
    assert response.status_code == 200
    assert messages_of(response) == [LAST]
    assert Member.objects.get(pk=owner.pk).role == "owner"


def test_last_owner_cannot_be_removed(olga: Client, owner: Member) -> None:
    response = olga.post(url(Member, f"{owner.pk}/delete/"), {"post": "yes"}, follow=True)
    assert response.status_code == 200
    assert messages_of(response) == [LAST]
    assert Member.objects.filter(pk=owner.pk).exists()
    assert not LogEntry.objects.filter(action_flag=3).exists()  # no message of success


def test_one_of_two_owners_can_be_removed(olga: Client, world: World, owner: Member) -> None:
    Member.objects.create(app=world.app, user=world.person("charlie"), role="owner")
    response = olga.post(url(Member, f"{owner.pk}/delete/"), {"post": "yes"}, follow=True)
    assert "was deleted successfully" in messages_of(response)[0]
    assert not Member.objects.filter(pk=owner.pk).exists()


def test_disabled_owners_do_not_count(olga: Client, world: World, owner: Member) -> None:
    Member.objects.filter(app=world.app, user=world.person("ivan")).update(role="owner")
    response = olga.post(url(Member, f"{owner.pk}/delete/"), {"post": "yes"}, follow=True)
    assert messages_of(response) == [LAST]
    assert Member.objects.filter(pk=owner.pk).exists()


def test_members_are_not_deleted_in_bulk(olga: Client, owner: Member) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"}
    olga.post(url(Member), chosen)
    assert Member.objects.filter(pk=owner.pk).exists()


def test_apps_cannot_be_deleted(olga: Client, world: World) -> None:
    assert olga.get(url(App, f"{world.app.pk}/delete/")).status_code == 403
    assert olga.post(url(AuditEvent, "add/")).status_code == 403
