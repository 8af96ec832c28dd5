"""Who is mailed about what, and what the mail says."""

from collections.abc import Callable

import pytest

from console.audit.events import Action, Outcome, Target, attempt, conclude, record_denied
from console.catalog.services import add_branch, change_branch
from console.members.services import remove_member, set_group, set_member
from console.models import AuditEvent, Branch, Member, User
from console.models.notifications import Kind
from secrets_app.reveal import reveal, reveal_all
from tests.console.members.conftest import Team
from tests.console.notifications.conftest import Post, happens, text_of
from tests.secrets_app.writes.conftest import interrupted as interrupted
from tests.secrets_app.writes.desk import Desk
from tests.secrets_app.writes.stores import Interrupted, lost

pytestmark = pytest.mark.django_db
EVERY = tuple(Kind)
OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"


def _reveal(post: Post, desk: Desk, who: str, branch: Branch | None) -> None:
    row = desk.put("API_KEY", branch=branch)
    reveal(actor=post.world.actor(who), app_id="d1shop", pk=row.pk)


def test_it_works(post: Post, desk: Desk) -> None:
    row = desk.put("API_KEY", "a value that nobody mails", post.world.main)
    post.choose("alice", Kind.GUARDED_REVEAL)
    reveal(actor=post.world.actor("mia"), app_id="d1shop", pk=row.pk)
    [mail] = post.comes()
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
    assert post.comes() == []  # once


def test_nothing_is_chosen_at_first(post: Post, desk: Desk) -> None:
    _reveal(post, desk, "mia", post.world.main)
    assert post.comes() == []


def test_what_was_before_the_choice(post: Post, desk: Desk) -> None:
    _reveal(post, desk, "mia", post.world.main)
    post.notes()
    post.choose("alice", *EVERY)
    assert post.comes() == []


def test_nobody_is_told_of_what_he_did_himself(post: Post, desk: Desk) -> None:
    for name in ("alice", "mia", "bob"):
        post.choose(name, *EVERY)
    _reveal(post, desk, "mia", post.world.main)
    mails = {str(mail["To"]): text_of(mail) for mail in post.comes()}
    assert set(mails) == {f"{name}@example.org" for name in ("alice", "mia", "bob")}
    assert "revealed" not in mails["mia@example.org"]  # alice's putting it there alone
    assert "added" not in mails["alice@example.org"]


@pytest.mark.parametrize(
    ("kind", "branch", "is_told"),
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
def test_reveals(post: Post, desk: Desk, kind: Kind, branch: str, is_told: bool) -> None:
    where = {"main": post.world.main, "dev": post.world.dev}.get(branch)
    post.choose("alice", kind)
    _reveal(post, desk, "mia", where)
    assert bool(post.comes()) == is_told


def test_all_branches_of_an_app_that_protects_none(post: Post, desk: Desk) -> None:
    Branch.objects.filter(app=post.world.app).update(protected=False)
    post.choose("alice", Kind.GUARDED_REVEAL, Kind.GUARDED_CHANGE)
    _reveal(post, desk, "bob", None)
    assert post.comes() == []


def test_a_deleted_branch_still_protects(post: Post, desk: Desk) -> None:
    row = desk.put("API_KEY", branch=post.world.main)
    happens(post.world, "alice", Action.BRANCH_DELETED, "")
    post.choose("alice", Kind.GUARDED_CHANGE)
    desk.save("mia", desk.removal(row))
    assert post.readers() == ["alice"]


@pytest.mark.parametrize("act", ["added", "changed", "removed"])
def test_changes(post: Post, desk: Desk, act: str) -> None:
    row = desk.put("API_KEY", branch=post.world.main)
    post.notes()
    post.choose("alice", Kind.GUARDED_CHANGE)
    changes = {
        "added": desk.new("OTHER", branch=post.world.main),
        "changed": desk.change(row),
        "removed": desk.removal(row),
    }
    desk.save("mia", changes[act], desk.new("ELSEWHERE", branch=post.world.dev))
    [mail] = post.comes()
    key = "OTHER" if act == "added" else "API_KEY"
    assert mail["Subject"] == f"Shop: mia@example.org {act} the secret {key} (main)"


def test_a_change_from_outside(post: Post, desk: Desk) -> None:
    desk.known("API_KEY", post.world.main)
    post.choose("alice", Kind.GUARDED_CHANGE)
    desk.outside(desk.paths("API_KEY", post.world.main)[0])
    desk.check()
    [mail] = post.comes()
    assert "Someone outside Branchkeep changed the secret API_KEY" in text_of(mail)
    assert "from:    outside Branchkeep" in text_of(mail)


def test_a_mirror_that_is_put_right(post: Post, desk: Desk) -> None:
    row = desk.known("API_KEY", post.world.main)
    desk.outside(desk.paths("API_KEY", post.world.main)[1])
    desk.check()
    post.notes()
    post.choose("alice", Kind.GUARDED_CHANGE)
    desk.repair("mia", row)
    [mail] = post.comes()
    assert "mia@example.org repaired the mirror of the secret API_KEY" in text_of(mail)


def test_rights(post: Post, team: Team) -> None:
    post.choose("alice", Kind.RIGHTS)
    team.give("mia", "owner")
    mia, app = post.world.actor("mia"), post.world.app
    set_member(actor=mia, app=app, principal=post.world.person("vera"), role="maintainer")
    remove_member(actor=mia, member=Member.objects.get(app=app, user=post.world.person("bob")))
    change_branch(actor=mia, app_id="d1shop", pk=post.world.main.pk, fields={"protected": False})
    add_branch(actor=mia, app_id="d1shop", fields={"name": "next", "stage": "NONE"})
    group = team.group("web", "viewer")
    set_group(actor=post.world.actor("olga"), group=group, users=[post.world.person("charlie")])
    [mail] = post.comes()
    assert mail["Subject"] == "Shop: 5 events"
    for said in (
        "set the role of a member vera@example.org: maintainer",
        "removed a member bob@example.org",
        "changed the branch protected: yes to no",
        "added the branch",
        "olga@example.org changed the group web: added charlie@example.org",
    ):
        assert said in text_of(mail)


def test_what_was_refused_or_failed_is_told_to_nobody(post: Post, desk: Desk) -> None:
    """What a mail says was accepted: nobody writes to others by what he is refused."""
    post.choose("alice", *EVERY)
    desk.save("vera", desk.new("Open https://example.net now", branch=post.world.main))
    event = attempt(
        post.world.actor("mia"), Action.SECRET_CHANGED, Target("d1shop", "main", "API_KEY")
    )
    conclude(event.pk, Outcome.FAILED, detail="conflict")
    record_denied(
        post.world.actor("bob"), Action.SECRET_REVEALED, Target("d1shop", "main", "API_KEY")
    )
    assert AuditEvent.objects.filter(outcomes__outcome="denied").count() == 2
    assert post.comes() == []


def test_another_app_is_another_choice(post: Post, desk: Desk) -> None:
    Member.objects.create(app=post.world.other_app, user=post.world.person("alice"), role="viewer")
    post.choose("alice", *EVERY)
    target = Target("d2other", "main", "API_KEY")
    event = attempt(post.world.actor("oscar"), Action.SECRET_REVEALED, target)
    conclude(event.pk, Outcome.SUCCEEDED)
    assert post.comes() == []


LEAVING: dict[str, Callable[[User], object]] = {
    "bob": lambda bob: bob.memberships.all().delete(),
    "gina": lambda gina: gina.groups.clear(),
    "vera": lambda vera: User.objects.filter(pk=vera.pk).update(is_active=False),
}


@pytest.mark.parametrize("name", LEAVING)
def test_who_has_no_way_in_any_more(post: Post, desk: Desk, name: str) -> None:
    for reader in ("alice", *LEAVING):
        post.choose(reader, *EVERY)
    _reveal(post, desk, "mia", post.world.main)
    post.notes()  # his mail waits already
    LEAVING[name](post.world.person(name))
    assert post.readers() == sorted({"alice", *LEAVING} - {name})
    reveal(
        actor=post.world.actor("mia"), app_id="d1shop", pk=desk.row("API_KEY", post.world.main).pk
    )
    assert name not in post.readers()


def test_who_has_another_way_in_yet(post: Post, desk: Desk, team: Team) -> None:
    team.group("web", "viewer", people=("bob",))
    post.choose("bob", *EVERY)
    LEAVING["bob"](post.world.person("bob"))
    _reveal(post, desk, "mia", post.world.main)
    assert post.readers() == ["bob"]


def test_one_mail_for_a_save_of_many(post: Post, desk: Desk) -> None:
    post.choose("alice", Kind.GUARDED_CHANGE)
    post.choose("vera", Kind.GUARDED_CHANGE)
    desk.save("mia", *(desk.new(f"KEY_{n:03}", branch=post.world.main) for n in range(60)))
    mails = post.comes()
    assert [mail["To"] for mail in mails] == ["alice@example.org", "vera@example.org"]
    assert mails[0]["Subject"] == "Shop: 60 events by mia@example.org"
    assert text_of(mails[0]).count("added the secret") == 50
    assert "And 10 more." in text_of(mails[0])


def test_a_command_that_reads_a_branch(post: Post, desk: Desk) -> None:
    for key in ("ONE", "TWO"):
        desk.put(key, branch=post.world.dev)
    post.choose("vera", Kind.REVEAL)
    reveal_all(actor=post.world.actor("bob"), app_id="d1shop", branch=post.world.dev)
    [mail] = post.comes()
    assert mail["Subject"] == "Shop: 2 events by bob@example.org"


def test_an_unknown_outcome_and_how_it_was_settled(
    post: Post, desk: Desk, interrupted: Interrupted
) -> None:
    row = desk.known("API_KEY", post.world.main)
    post.notes()
    post.choose("alice", Kind.GUARDED_CHANGE)
    interrupted.after("put", lost)
    desk.save("mia", desk.change(row))
    [mail] = post.comes()
    assert mail["Subject"] == "Shop: mia@example.org attempted: changed the secret API_KEY (main)"
    assert "outcome: Unknown" in text_of(mail)
    desk.check()
    [mail] = post.comes()
    assert "outcome: Settled, version 1 to 2, The store holds version 2" in text_of(mail)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\r\nBcc: all@example.org", r"a\r\nBcc: all@example.org"),
        (f"gnp{OVERRIDE}.exe", r"gnp\u202e.exe"),
        ("\x1b[31mred\x07\u2028", r"\x1b[31mred\x07\u2028"),
    ],
)
def test_a_name_commands_nothing(post: Post, name: str, shown: str) -> None:
    """The forms refuse such names; the store and an older database need not have."""
    post.world.app.name = f"Shop {name}"
    post.world.app.save()
    Branch.objects.create(app=post.world.app, name=name, protected=True)
    post.choose("alice", Kind.GUARDED_REVEAL)
    happens(post.world, "mia", Action.SECRET_REVEALED, name, branch=name)
    [mail] = post.comes()
    assert mail.keys().count("Bcc") == 0
    subject = f"Shop {shown}: mia@example.org revealed the secret {shown} ({shown})"
    assert mail["Subject"] == subject
    text = text_of(mail)
    assert f"revealed the secret {shown}\n" in text
    assert f"    where:   {shown}\n" in text
    assert all(sign.isprintable() or sign == "\n" for sign in text)


def test_names_of_any_script_and_length(post: Post) -> None:
    name = "日本語/ブランチ"
    Branch.objects.create(app=post.world.app, name=name, protected=True)
    post.world.app.name = "é" * 255
    post.world.app.save()
    post.choose("alice", Kind.GUARDED_REVEAL)
    happens(post.world, "mia", Action.SECRET_REVEALED, "K" * 1000, branch=name)
    [mail] = post.comes()
    assert mail["Subject"].endswith(f"({name})")
    assert len(mail["Subject"]) < 700
    assert f"where:   {name}\n" in text_of(mail)


def test_links_are_of_the_consoles_own_host(post: Post, desk: Desk, settings: object) -> None:
    settings.LOCAL = False  # type: ignore[attr-defined]
    settings.ALLOWED_HOSTS = ["localhost", "console.example.com"]  # type: ignore[attr-defined]
    post.choose("alice", Kind.GUARDED_REVEAL)
    _reveal(post, desk, "mia", post.world.main)
    [mail] = post.comes()
    assert "https://console.example.com/apps/d1shop/activity/" in text_of(mail)
