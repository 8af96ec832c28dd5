"""The build settings: view, edit, download, versions, restore, an override per branch."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import AuditEvent, Branch
from envvars_app.buildspec import DEFAULT
from envvars_app.models import BuildSpec, BuildSpecVersion
from tests.fixtures.people import World

PAGE = "/apps/d1shop/hosting/build-settings/"
OURS = "version: 1\nfrontend:\n  phases:\n    build:\n      commands:\n        - npm run build\n"
THEIRS = OURS.replace("npm run build", "vite build")


@pytest.fixture
def mia(as_: Callable[[str], Client]) -> Client:
    """Return the maintainer."""
    return as_("mia")


@pytest.fixture
def bob(as_: Callable[[str], Client]) -> Client:
    """Return a developer: he writes on unprotected branches alone."""
    return as_("bob")


def save(client: Client, text: str, base: int = 0, branch: Branch | None = None) -> Any:
    """Post the form, and follow where it leads."""
    fields = {"text": text, "base": str(base)}
    return client.post(f"{PAGE}edit/{_query(branch)}", fields, follow=True)


def _query(branch: Branch | None) -> str:
    return f"?branch={branch.pk}" if branch else ""


def shown(answer: Any) -> str:
    """Return the specification that a page shows."""
    return "".join(line["text"] + "\n" for line in answer.context["lines"])


def trail() -> list[tuple[str, ...]]:
    """Return what the audit trail holds of the build settings."""
    return [
        (
            event.actor.partition("@")[0],
            event.action,
            event.branch,
            *(f"{outcome.outcome}: {outcome.detail}" for outcome in event.outcomes.all()),
        )
        for event in AuditEvent.objects.filter(subject="Build settings").order_by("id")
    ]


def test_it_works(alice: Client) -> None:
    answer = alice.get(PAGE)
    assert shown(answer) == DEFAULT
    assert "not saved yet" in answer.text
    answer = save(alice, OURS)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert "Saved the build settings as version 1." in answer.text
    assert shown(answer) == OURS
    assert [line["number"] for line in answer.context["lines"]] == [1, 2, 3, 4, 5, 6]
    save(alice, THEIRS, base=1)
    row = BuildSpec.objects.get()
    assert (row.text, row.version, row.changed_by) == (THEIRS, 2, "alice@example.org")
    assert list(row.versions.values_list("version", "text", "by")) == [
        (2, THEIRS, "alice@example.org"),
        (1, OURS, "alice@example.org"),
    ]
    assert trail() == [("alice", "build.change", "All branches", "succeeded: ")] * 2
    versions = (
        AuditEvent.objects.filter(action="build.change")
        .order_by("id")
        .values_list("version_before", "outcomes__version_after")
    )
    assert list(versions) == [(None, 1), (1, 2)]


def test_what_was_typed_is_kept_sign_by_sign(alice: Client) -> None:
    text = f"\n\n# two  spaces \tand a tab, <b>&amp; {{{{ x }}}} é 🔑\u2028\n{OURS}\n\n"
    assert shown(save(alice, text.replace("\n", "\r\n"))) == text
    assert BuildSpec.objects.get().text == text
    page = alice.get(f"{PAGE}edit/").content.decode()
    field = re.search(r"<textarea[^>]*>\n(.*)</textarea>", page, re.DOTALL)
    assert field  # a browser drops the line feed that follows the tag
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert field[1] == escaped.replace("'", "&#x27;")


def test_download(alice: Client, world: World) -> None:
    save(alice, OURS)
    answer = alice.get(f"{PAGE}download/?branch={world.dev.pk}")
    assert answer.content == OURS.encode()
    assert answer["Content-Disposition"] == 'attachment; filename="amplify.yml"'
    assert answer["Content-Type"] == "application/yaml; charset=utf-8"


def test_errors_stop_a_save_and_stand_with_their_lines(alice: Client) -> None:
    wrong = OURS.replace("npm run build", "echo Key: value") + "backend: 5\n"
    answer = save(alice, wrong)
    assert answer.status_code == 422
    problems = [(item["problem"].line, item["text"]) for item in answer.context["problems"]]
    assert problems == [(6, "- echo Key: value"), (7, "backend: 5")]
    assert "put the whole command in quotes" in answer.text
    assert "- echo Key: value\nbackend: 5\n</textarea>" in answer.content.decode()
    assert not BuildSpec.objects.exists()
    assert trail() == []


def test_warnings_stop_nothing_and_are_shown(alice: Client) -> None:
    answer = save(alice, OURS + "fronted: {}\n")
    assert "Did you mean “frontend”?" in answer.text
    assert answer.context["lines"][6]["severity"] == "warning"


def test_too_long(alice: Client) -> None:
    answer = save(alice, "#" * 25_001)
    assert answer.status_code == 422
    assert "at most 25,000 characters; this one has 25,001" in answer.text


def test_nothing_changed(alice: Client) -> None:
    save(alice, OURS)
    save(alice, OURS, base=1)
    assert BuildSpecVersion.objects.count() == 1
    assert trail()[-1] == ("alice", "build.change", "All branches", "succeeded: no change")


@pytest.mark.usefixtures("clock")
def test_a_conflict_shows_both_and_loses_nothing(alice: Client, mia: Client) -> None:
    save(alice, OURS)
    save(mia, THEIRS, base=1)
    mine = OURS.replace("npm run build", "npm run mine")
    answer = save(alice, mine, base=1)
    assert answer.status_code == 422
    assert "mia@example.org changed these build settings now (now version 2)." in answer.text
    assert "- npm run mine\n</textarea>" in answer.content.decode()
    signs = {
        (line.sign, line.text.strip()) for line in answer.context["diff"] if line.sign in {"+", "-"}
    }
    assert signs == {("-", "- vite build"), ("+", "- npm run mine")}
    assert BuildSpec.objects.get().text == THEIRS
    assert trail()[-1] == ("alice", "build.change", "All branches", "failed: conflict")
    save(alice, mine, base=answer.context["base"])
    assert BuildSpec.objects.get().text == mine


@pytest.mark.parametrize("base", ["", "x", "-1", "9" * 30, "²"])
def test_a_base_that_is_none(alice: Client, base: str) -> None:
    save(alice, OURS)
    answer = alice.post(f"{PAGE}edit/", {"text": THEIRS, "base": base})
    assert answer.status_code == 422
    assert BuildSpec.objects.get().text == OURS


def test_an_error_keeps_the_base_that_the_page_had(alice: Client, mia: Client) -> None:
    save(alice, OURS)
    save(mia, THEIRS, base=1)
    answer = save(alice, "version: [", base=1)
    assert answer.context["base"] == 1  # else the next save would write over mia's unseen


def test_an_override_of_a_branch(alice: Client, world: World) -> None:
    save(alice, OURS)
    page = f"{PAGE}?branch={world.dev.pk}"
    assert "inherits version 1 from All branches" in alice.get(page).text
    answer = save(alice, THEIRS, branch=world.dev)
    assert answer.redirect_chain == [(page, 302)]
    assert shown(answer) == THEIRS
    assert shown(alice.get(PAGE)) == OURS
    assert shown(alice.get(f"{PAGE}?branch={world.main.pk}")) == OURS
    assert "dev (own settings)" in alice.get(PAGE).text


def test_removing_an_override_and_adding_it_again(alice: Client, world: World) -> None:
    save(alice, OURS)
    save(alice, THEIRS, branch=world.dev)
    remove = f"{PAGE}remove/?branch={world.dev.pk}"
    assert "will inherit the settings of All branches" in alice.get(remove).text
    answer = alice.post(remove, {"base": "1"}, follow=True)
    assert "Removed the build settings of dev." in answer.text
    assert shown(answer) == OURS
    row = BuildSpec.objects.get(branch=world.dev)
    assert (row.version, row.versions.get(version=2).text) == (2, None)
    assert shown(save(alice, THEIRS, base=2, branch=world.dev)) == THEIRS
    assert list(row.versions.values_list("version", flat=True)) == [3, 2, 1]
    assert [entry[1:3] for entry in trail()[2:]] == [
        ("build.remove", "dev"),
        ("build.change", "dev"),
    ]


def test_removing_those_of_all_branches(alice: Client) -> None:
    save(alice, OURS)
    answer = alice.post(f"{PAGE}remove/", {"base": "1"}, follow=True)
    assert shown(answer) == DEFAULT
    answer = alice.post(f"{PAGE}remove/", {"base": "2"}, follow=True)
    assert "All branches has no build settings of its own to remove." in answer.text


def test_removing_what_was_changed_meanwhile(alice: Client, mia: Client) -> None:
    save(alice, OURS)
    save(mia, THEIRS, base=1)
    answer = alice.post(f"{PAGE}remove/", {"base": "1"}, follow=True)
    assert "mia@example.org changed these build settings" in answer.text
    assert shown(answer) == THEIRS


def test_looking_at_a_version_and_restoring_it(alice: Client) -> None:
    save(alice, OURS)
    save(alice, THEIRS, base=1)
    first = BuildSpecVersion.objects.get(version=1)
    answer = alice.get(f"{PAGE}versions/{first.pk}/")
    assert shown(answer) == OURS
    signs = {
        (line.sign, line.text.strip()) for line in answer.context["diff"] if line.sign in {"+", "-"}
    }
    assert signs == {("-", "- vite build"), ("+", "- npm run build")}
    answer = alice.post(f"{PAGE}versions/{first.pk}/restore/", {"base": "2"}, follow=True)
    assert "Restored the build settings as version 3." in answer.text
    assert shown(answer) == OURS
    assert trail()[-1] == (
        *("alice", "build.change", "All branches"),
        "succeeded: restored from version 1",
    )


def test_restoring_at_the_wrong_moment(alice: Client, mia: Client) -> None:
    save(alice, OURS)
    save(mia, THEIRS, base=1)
    first = BuildSpecVersion.objects.get(version=1)
    url = f"{PAGE}versions/{first.pk}/"
    answer = alice.post(f"{url}restore/", {"base": "1"}, follow=True)
    assert answer.redirect_chain == [(url, 302)]
    assert "mia@example.org changed these build settings" in answer.text
    assert BuildSpec.objects.get().text == THEIRS


def test_restoring_a_removal(alice: Client) -> None:
    save(alice, OURS)
    alice.post(f"{PAGE}remove/", {"base": "1"})
    gone = BuildSpecVersion.objects.get(version=2)
    assert "has no text" in alice.get(f"{PAGE}versions/{gone.pk}/").text
    answer = alice.post(f"{PAGE}versions/{gone.pk}/restore/", {"base": "2"}, follow=True)
    assert "has no text. Choose another one." in answer.text
    first = BuildSpecVersion.objects.get(version=1)
    assert (
        shown(alice.post(f"{PAGE}versions/{first.pk}/restore/", {"base": "2"}, follow=True)) == OURS
    )


def test_a_deleted_branch_takes_no_new_settings_and_lets_go_of_its_own(
    alice: Client, world: World
) -> None:
    save(alice, OURS, branch=world.dev)
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    answer = save(alice, THEIRS, base=1, branch=world.dev)
    assert answer.status_code == 422
    assert "This branch was deleted" in answer.text
    assert "dev (own settings) (deleted)" in alice.get(PAGE).text
    alice.post(f"{PAGE}remove/?branch={world.dev.pk}", {"base": "1"})
    assert "(deleted)" not in alice.get(PAGE).text


ROLES = {
    # who may write: the app's own, a protected branch's, an unprotected one's
    "vera": (False, False, False),
    "bob": (False, False, True),
    "mia": (True, True, True),
    "alice": (True, True, True),
}


@pytest.mark.parametrize("name", ROLES)
def test_each_role(as_: Callable[[str], Client], world: World, name: str) -> None:
    client = as_(name)
    for branch, allowed in zip((None, world.main, world.dev), ROLES[name], strict=True):
        page = client.get(f"{PAGE}{_query(branch)}")
        assert page.status_code == 200
        assert ("build-settings/edit/" in page.text) == allowed
        assert client.get(f"{PAGE}edit/{_query(branch)}").status_code == (200 if allowed else 403)
        assert save(client, OURS, branch=branch).status_code == (200 if allowed else 403)
        rows = BuildSpec.objects.filter(branch=branch)
        assert rows.exists() == allowed
        outcome = "succeeded: " if allowed else "denied: "
        where = branch.name if branch else "All branches"
        assert trail()[-1] == (name, "build.change", where, outcome)
        remove = client.post(f"{PAGE}remove/{_query(branch)}", {"base": "1"})
        assert remove.status_code == (302 if allowed else 403)
        assert trail()[-1] == (name, "build.remove", where, outcome)


def test_restoring_needs_the_right_on_the_versions_own_branch(
    alice: Client, bob: Client, world: World
) -> None:
    for branch in (None, world.main, world.dev):
        save(alice, OURS, branch=branch)
        save(alice, THEIRS, base=1, branch=branch)
    statuses = {}
    for version in BuildSpecVersion.objects.filter(version=1):
        url = f"{PAGE}versions/{version.pk}/"
        assert bob.get(url).status_code == 200
        answer = bob.post(f"{url}restore/?branch={world.dev.pk}", {"base": "2"})
        statuses[version.build_spec.branch] = answer.status_code
    assert statuses == {None: 403, world.main: 403, world.dev: 302}


def test_others_branches_and_versions_are_not_there(
    as_: Callable[[str], Client], alice: Client, world: World
) -> None:
    row = BuildSpec.objects.create(
        app=world.other_app, text=THEIRS, changed_at=timezone.now(), changed_by="oscar"
    )
    theirs = BuildSpecVersion.objects.create(
        build_spec=row, version=1, text=THEIRS, at=timezone.now(), by="oscar"
    )
    strange = [str(world.other_branch.pk), "99999", "x", "-1", "9" * 30, "1 OR 1", "²"]
    for branch in strange:
        for page in ("", "edit/", "download/", "pipe/", "remove/"):
            assert alice.get(f"{PAGE}{page}?branch={branch}").status_code == 404, (page, branch)
    assert alice.get(f"{PAGE}versions/{theirs.pk}/").status_code == 404
    assert alice.post(f"{PAGE}versions/{theirs.pk}/restore/", {"base": "0"}).status_code == 404
    assert as_("charlie").get(PAGE).status_code == 404
    assert BuildSpec.objects.get() == row


def test_queries_do_not_grow_with_branches_or_versions(
    alice: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        Branch.objects.create(app=world.app, name=f"b{number}")
        save(alice, f"{OURS}# {number}\n", base=number)
    with django_assert_max_num_queries(9):
        answer = alice.get(PAGE)
    assert "of 30" in answer.text
    assert [version.version for version in answer.context["page"]] == [*range(30, 5, -1)]
    rest = alice.get(f"{PAGE}?page=2").context["page"]
    assert [version.version for version in rest] == [5, 4, 3, 2, 1]
    for page in ("0", "99", "x", ""):
        assert alice.get(f"{PAGE}?page={page}").status_code == 200


UNREADABLE = [
    'a: "\\U00110000"\n',
    'a: "\\UFFFFFFFF"\n',
    f"%YAML 1.{'9' * 5_000}\n---\nversion: 1\n",
    '"\\ud800": 1\n',
    'version: 1\napplications: [{appRoot: "x\\ud800", frontend: {phases: {build: {commands: '
    "[a]}}}}, {appRoot: b, frontend: {phases: {build: {commands: [a]}}}}]\n",
]


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_yaml_makes_no_text_of_is_refused(alice: Client, text: str) -> None:
    answer = save(alice, text)
    assert answer.status_code == 422
    assert len(answer.context["problems"]) == 1
    assert not BuildSpec.objects.exists()


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
def test_the_pages_stand_whatever_is_stored(alice: Client, world: World, text: str) -> None:
    row = BuildSpec.objects.create(
        app=world.app, text=text, version=1, changed_at=timezone.now(), changed_by="alice"
    )
    old = BuildSpecVersion.objects.create(
        build_spec=row, version=1, text=text, at=timezone.now(), by="alice"
    )
    for page in ("", "edit/", "download/", "remove/", "pipe/", f"versions/{old.pk}/"):
        assert alice.get(f"{PAGE}{page}").status_code == 200, page
    piped = alice.post(f"{PAGE}pipe/", {"base": "1", "recipe": "env", "names": ["A"]})
    assert piped.status_code == 422
    restored = alice.post(f"{PAGE}versions/{old.pk}/restore/", {"base": "1"}, follow=True)
    assert restored.status_code == 200
    assert "Line " in restored.text
    assert save(alice, OURS, base=1).status_code == 200
