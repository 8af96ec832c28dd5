"""Who is mailed about which events, and the text of the mails."""

from collections.abc import Callable
from email.message import EmailMessage

import pytest

from console.audit.events import Action, Outcome, Target, attempt, conclude, record_denied
from console.catalog.services import add_branch, change_branch
from console.members.services import remove_member, set_group, set_member
from console.models import AuditEvent, Branch, Member, User
from console.models.notifications import Kind
from secrets_app.reveal import reveal, reveal_all
from tests.factories import (
    add_group,
    collect_notices,
    create_command,
    delete_command,
    delivered_mails,
    expire_leases,
    recipients,
    reconcile_now,
    reconciled_secret,
    record_event,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_role,
    set_secret,
    subscribe,
    write_outside,
)
from tests.fixtures.mail import MailServer
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, lose_response

pytestmark = pytest.mark.django_db
EVERY = tuple(Kind)
OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"


def text_of(mail: EmailMessage) -> str:
    """Return a mail's text."""
    return str(mail.get_content()).replace("\r\n", "\n")


def _reveal(world: World, name: str, branch: Branch | None) -> None:
    row = set_secret(world, "API_KEY", branch=branch)
    reveal(actor=world.actor(name), app_id="d1shop", pk=row.pk)


def test_it_works(world: World, mail_server: MailServer) -> None:
    row = set_secret(world, "API_KEY", "a value that nobody mails", world.main)
    subscribe(world, "alice", Kind.GUARDED_REVEAL)
    reveal(actor=world.actor("mia"), app_id="d1shop", pk=row.pk)
    [mail] = delivered_mails(mail_server)
    assert (mail["To"], mail["From"]) == ("alice@example.org", "console@example.org")
    assert mail["Subject"] == "Shop: mia@example.org revealed the secret API_KEY (main)"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    event = AuditEvent.objects.get(action="secret.reveal")
    assert text_of(mail).splitlines() == [
        "New activity in the app Shop (d1shop):",
        "",
        "mia@example.org revealed the secret API_KEY",
        "    where:   main",
        f"    when:    {event.at:%Y-%m-%d %H:%M:%S} UTC",
        "    from:    unknown",
        "    outcome: Succeeded, version 1",
        "",
        "See all activity:",
        "http://127.0.0.1:8000/apps/d1shop/activity/",
        "",
        "Change your notifications or turn them off:",
        "http://127.0.0.1:8000/apps/d1shop/settings/notifications/",
    ]
    assert delivered_mails(mail_server) == []  # once


def test_nothing_is_chosen_by_default(world: World, mail_server: MailServer) -> None:
    _reveal(world, "mia", world.main)
    assert delivered_mails(mail_server) == []


def test_events_before_the_subscription(world: World, mail_server: MailServer) -> None:
    _reveal(world, "mia", world.main)
    collect_notices()
    subscribe(world, "alice", *EVERY)
    assert delivered_mails(mail_server) == []


def test_own_events_are_not_mailed(world: World, mail_server: MailServer) -> None:
    for name in ("alice", "mia", "bob"):
        subscribe(world, name, *EVERY)
    _reveal(world, "mia", world.main)
    mails = {str(mail["To"]): text_of(mail) for mail in delivered_mails(mail_server)}
    assert set(mails) == {f"{name}@example.org" for name in ("alice", "mia", "bob")}
    assert "revealed" not in mails["mia@example.org"]  # only that alice added it
    assert "added" not in mails["alice@example.org"]


@pytest.mark.parametrize(
    ("kind", "branch", "is_mailed"),
    [
        (Kind.GUARDED_REVEAL, "main", True),
        (Kind.GUARDED_REVEAL, "dev", False),
        (Kind.GUARDED_REVEAL, "", True),  # All branches: main is protected
        (Kind.REVEAL, "main", True),
        (Kind.REVEAL, "dev", True),
        (Kind.GUARDED_CHANGE, "main", False),
        (Kind.RIGHTS, "main", False),
    ],
)
def test_reveals(
    world: World, mail_server: MailServer, kind: Kind, branch: str, is_mailed: bool
) -> None:
    where = {"main": world.main, "dev": world.dev}.get(branch)
    subscribe(world, "alice", kind)
    _reveal(world, "mia", where)
    assert bool(delivered_mails(mail_server)) == is_mailed


def test_imports_from_gen1(world: World, mail_server: MailServer) -> None:
    """They count as reveals of All branches."""
    subscribe(world, "alice", Kind.GUARDED_REVEAL)
    record_event(world, "mia", Action.PARAMETER_READ, "/amplify/d1shop/gen/AMPLIFY_x_KEY")
    [mail] = delivered_mails(mail_server)
    assert "mia@example.org read the parameter /amplify/d1shop/gen/" in text_of(mail)


def test_stages_of_self_managed_hosting(world: World, mail_server: MailServer) -> None:
    """A stage without a branch of its name is protected, because main is."""
    subscribe(world, "alice", Kind.GUARDED_REVEAL, Kind.GUARDED_CHANGE)
    for action in (Action.HOSTING_SECRET_REVEALED, Action.HOSTING_SECRET_CHANGED):
        for stage in ("prod", "dev"):
            record_event(world, "mia", action, "KEY (hosting secret of shop)", stage)
    [mail] = delivered_mails(mail_server)
    lines = text_of(mail).splitlines()
    assert [line.split()[-1] for line in lines if "where:" in line] == ["prod", "prod"]


def test_all_branches_without_protected_branches(world: World, mail_server: MailServer) -> None:
    Branch.objects.filter(app=world.app).update(protected=False)
    subscribe(world, "alice", Kind.GUARDED_REVEAL, Kind.GUARDED_CHANGE)
    _reveal(world, "bob", None)
    assert delivered_mails(mail_server) == []


def test_deleted_branch_still_protects(world: World, mail_server: MailServer) -> None:
    row = set_secret(world, "API_KEY", branch=world.main)
    record_event(world, "alice", Action.BRANCH_DELETED, "")
    subscribe(world, "alice", Kind.GUARDED_CHANGE)
    save_secrets(world, delete_command(row), by="mia")
    assert recipients(mail_server) == ["alice"]


@pytest.mark.parametrize("act", ["added", "changed", "removed"])
def test_changes(world: World, mail_server: MailServer, act: str) -> None:
    row = set_secret(world, "API_KEY", branch=world.main)
    collect_notices()
    subscribe(world, "alice", Kind.GUARDED_CHANGE)
    changes = {
        "added": create_command("OTHER", branch=world.main),
        "changed": set_command(row),
        "removed": delete_command(row),
    }
    save_secrets(world, changes[act], create_command("ELSEWHERE", branch=world.dev), by="mia")
    [mail] = delivered_mails(mail_server)
    key = "OTHER" if act == "added" else "API_KEY"
    assert mail["Subject"] == f"Shop: mia@example.org {act} the secret {key} (main)"


def test_outside_change(world: World, mail_server: MailServer) -> None:
    reconciled_secret(world, "API_KEY", world.main)
    subscribe(world, "alice", Kind.GUARDED_CHANGE)
    write_outside(secret_paths(world, "API_KEY", world.main)[0])
    reconcile_now(world)
    [mail] = delivered_mails(mail_server)
    assert "Someone outside Branchkeep changed the secret API_KEY" in text_of(mail)
    assert "from:    outside Branchkeep" in text_of(mail)


def test_mirror_repair(world: World, mail_server: MailServer) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    write_outside(secret_paths(world, "API_KEY", world.main)[1])
    reconcile_now(world)
    collect_notices()
    subscribe(world, "alice", Kind.GUARDED_CHANGE)
    repair_secret_mirror(world, row, by="mia")
    [mail] = delivered_mails(mail_server)
    assert "mia@example.org repaired the mirror of the secret API_KEY" in text_of(mail)


def test_rights(world: World, mail_server: MailServer) -> None:
    subscribe(world, "alice", Kind.RIGHTS)
    set_role(world, "mia", "owner")
    mia, app = world.actor("mia"), world.app
    set_member(actor=mia, app=app, principal=world.person("vera"), role="maintainer")
    remove_member(actor=mia, member=Member.objects.get(app=app, user=world.person("bob")))
    change_branch(actor=mia, app_id="d1shop", pk=world.main.pk, fields={"protected": False})
    add_branch(actor=mia, app_id="d1shop", fields={"name": "next", "stage": "NONE"})
    group = add_group(world, "web", "viewer")
    set_group(actor=world.actor("olga"), group=group, users=[world.person("charlie")])
    mails = {mail["To"]: mail for mail in delivered_mails(mail_server)}
    mail = mails.pop("alice@example.org")
    # The others get what an operator did, which is on by default
    change = "olga@example.org changed the group web: added charlie@example.org"
    assert {other["Subject"] for other in mails.values()} == {f"Shop: {change}"}
    assert mail["Subject"] == "Shop: 5 events"
    for line in (
        "set the role of a member vera@example.org: maintainer",
        "removed a member bob@example.org",
        "changed the branch protected: yes to no",
        "added the branch",
        "olga@example.org changed the group web: added charlie@example.org",
    ):
        assert line in text_of(mail)


def test_denied_and_failed_acts_are_not_mailed(world: World, mail_server: MailServer) -> None:
    """Denied input must not reach other people's inboxes."""
    subscribe(world, "alice", *EVERY)
    save_secrets(
        world, create_command("Open https://example.net now", branch=world.main), by="vera"
    )
    event = attempt(world.actor("mia"), Action.SECRET_CHANGED, Target("d1shop", "main", "API_KEY"))
    conclude(event.pk, Outcome.FAILED, detail="conflict")
    record_denied(world.actor("bob"), Action.SECRET_REVEALED, Target("d1shop", "main", "API_KEY"))
    assert AuditEvent.objects.filter(outcomes__outcome="denied").count() == 2
    assert delivered_mails(mail_server) == []


def test_subscription_of_another_app(world: World, mail_server: MailServer) -> None:
    Member.objects.create(app=world.other_app, user=world.person("alice"), role="viewer")
    subscribe(world, "alice", *EVERY)
    target = Target("d2other", "main", "API_KEY")
    event = attempt(world.actor("oscar"), Action.SECRET_REVEALED, target)
    conclude(event.pk, Outcome.SUCCEEDED)
    assert delivered_mails(mail_server) == []


WAYS_TO_LEAVE: dict[str, Callable[[User], object]] = {
    "bob": lambda bob: bob.memberships.all().delete(),
    "gina": lambda gina: gina.groups.clear(),
    "vera": lambda vera: User.objects.filter(pk=vera.pk).update(is_active=False),
}


@pytest.mark.parametrize("name", WAYS_TO_LEAVE)
def test_former_members_get_no_mail(world: World, mail_server: MailServer, name: str) -> None:
    for reader in ("alice", *WAYS_TO_LEAVE):
        subscribe(world, reader, *EVERY)
    _reveal(world, "mia", world.main)
    collect_notices()  # their mail is pending already
    WAYS_TO_LEAVE[name](world.person(name))
    assert recipients(mail_server) == sorted({"alice", *WAYS_TO_LEAVE} - {name})
    reveal(
        actor=world.actor("mia"), app_id="d1shop", pk=secret_row(world, "API_KEY", world.main).pk
    )
    assert name not in recipients(mail_server)


def test_member_through_another_group_still_gets_mail(
    world: World, mail_server: MailServer
) -> None:
    add_group(world, "web", "viewer", people=("bob",))
    subscribe(world, "bob", *EVERY)
    WAYS_TO_LEAVE["bob"](world.person("bob"))
    _reveal(world, "mia", world.main)
    assert recipients(mail_server) == ["bob"]


def test_one_mail_for_a_large_save(world: World, mail_server: MailServer) -> None:
    subscribe(world, "alice", Kind.GUARDED_CHANGE)
    subscribe(world, "vera", Kind.GUARDED_CHANGE)
    save_secrets(
        world, *(create_command(f"KEY_{n:03}", branch=world.main) for n in range(60)), by="mia"
    )
    mails = delivered_mails(mail_server)
    assert [mail["To"] for mail in mails] == ["alice@example.org", "vera@example.org"]
    assert mails[0]["Subject"] == "Shop: 60 events by mia@example.org"
    assert text_of(mails[0]).count("added the secret") == 50
    assert "And 10 more." in text_of(mails[0])


def test_command_that_reveals_a_branch(world: World, mail_server: MailServer) -> None:
    for key in ("ONE", "TWO"):
        set_secret(world, key, branch=world.dev)
    subscribe(world, "vera", Kind.REVEAL)
    reveal_all(actor=world.actor("bob"), app_id="d1shop", branch=world.dev)
    [mail] = delivered_mails(mail_server)
    assert mail["Subject"] == "Shop: 2 events by bob@example.org"


def test_unknown_outcome_and_its_settlement(
    world: World, mail_server: MailServer, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    collect_notices()
    subscribe(world, "alice", Kind.GUARDED_CHANGE)
    interrupted.after("put", lose_response)
    save_secrets(world, set_command(row), by="mia")
    [mail] = delivered_mails(mail_server)
    assert mail["Subject"] == "Shop: mia@example.org attempted: changed the secret API_KEY (main)"
    assert "outcome: Unknown" in text_of(mail)
    expire_leases()
    reconcile_now(world)
    [mail] = delivered_mails(mail_server)
    assert "outcome: Settled, version 1 to 2, The store holds version 2" in text_of(mail)


@pytest.mark.parametrize(
    ("name", "shown", "mark"),
    [
        ("a\r\nBcc: all@example.org", r"a\r\nBcc: all@example.org", ""),
        (f"gnp{OVERRIDE}.exe", r"gnp\u202e.exe", ": Contains invisible U+202E"),
        ("\x1b[31mred\x07\u2028", r"\x1b[31mred\x07\u2028", ": Contains invisible U+2028"),
    ],
)
def test_control_characters_in_names(
    world: World, mail_server: MailServer, name: str, shown: str, mark: str
) -> None:
    """Forms reject such names, but the store or an older database may have them."""
    world.app.name = f"Shop {name}"
    world.app.save()
    Branch.objects.create(app=world.app, name=name, protected=True)
    subscribe(world, "alice", Kind.GUARDED_REVEAL)
    record_event(world, "mia", Action.SECRET_REVEALED, name, branch=name)
    [mail] = delivered_mails(mail_server)
    assert mail.keys().count("Bcc") == 0
    subject = f"Shop {shown}: mia@example.org revealed the secret {shown} ({shown}{mark})"
    assert mail["Subject"] == subject
    text = text_of(mail)
    assert f"revealed the secret {shown}\n" in text
    assert f"    where:   {shown}{mark}\n" in text
    assert all(sign.isprintable() or sign == "\n" for sign in text)


def test_names_of_any_script_and_length(world: World, mail_server: MailServer) -> None:
    name = "日本語/ブランチ"
    Branch.objects.create(app=world.app, name=name, protected=True)
    world.app.name = "é" * 255
    world.app.save()
    subscribe(world, "alice", Kind.GUARDED_REVEAL)
    record_event(world, "mia", Action.SECRET_REVEALED, "K" * 1000, branch=name)
    [mail] = delivered_mails(mail_server)
    assert mail["Subject"].endswith(f"({name})")
    assert len(mail["Subject"]) < 700
    assert f"where:   {name}\n" in text_of(mail)


def test_links_use_the_own_host(world: World, mail_server: MailServer, settings: object) -> None:
    settings.LOCAL = False  # type: ignore[attr-defined]
    settings.ALLOWED_HOSTS = ["localhost", "console.example.com"]  # type: ignore[attr-defined]
    subscribe(world, "alice", Kind.GUARDED_REVEAL)
    _reveal(world, "mia", world.main)
    [mail] = delivered_mails(mail_server)
    assert "https://console.example.com/apps/d1shop/activity/" in text_of(mail)
