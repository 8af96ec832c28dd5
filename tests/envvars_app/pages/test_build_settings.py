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
OURS = (
    "version: 1\nfrontend:\n  artifacts: {baseDirectory: dist, files: ['**/*']}\n"
    "  phases:\n    build:\n      commands:\n        - npm run build\n"
)
THEIRS = OURS.replace("npm run build", "vite build")


def save(client: Client, text: str, base: int = 0, branch: Branch | None = None) -> Any:
    """Post the form and follow the redirect."""
    fields = {"text": text, "base": str(base)}
    return client.post(f"{PAGE}edit/{_query(branch)}", fields, follow=True)


def _query(branch: Branch | None) -> str:
    return f"?branch={branch.pk}" if branch else ""


def shown(response: Any) -> str:
    """Return the specification that a page shows."""
    return "".join(line["text"] + "\n" for line in response.context["lines"])


def build_events() -> list[tuple[str, ...]]:
    """Return the audit events of build settings."""
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
    response = alice.get(PAGE)
    assert shown(response) == DEFAULT
    assert "not saved yet" in response.text
    response = save(alice, OURS)
    assert response.redirect_chain == [(PAGE, 302)]
    assert "Saved the build settings as version 1." in response.text
    assert shown(response) == OURS
    assert [line["number"] for line in response.context["lines"]] == [1, 2, 3, 4, 5, 6, 7]
    save(alice, THEIRS, base=1)
    row = BuildSpec.objects.get()
    assert (row.text, row.version, row.changed_by) == (THEIRS, 2, "alice@example.org")
    assert list(row.versions.values_list("version", "text", "by")) == [
        (2, THEIRS, "alice@example.org"),
        (1, OURS, "alice@example.org"),
    ]
    assert build_events() == [("alice", "build.change", "All branches", "succeeded: ")] * 2
    versions = (
        AuditEvent.objects.filter(action="build.change")
        .order_by("id")
        .values_list("version_before", "outcomes__version_after")
    )
    assert list(versions) == [(None, 1), (1, 2)]


def test_text_is_kept_exactly(alice: Client) -> None:
    text = f"\n\n# two  spaces \tand a tab, <b>&amp; {{{{ x }}}} é 🔑\u2028\n{OURS}\n\n"
    assert shown(save(alice, text.replace("\n", "\r\n"))) == text
    assert BuildSpec.objects.get().text == text
    page = alice.get(f"{PAGE}edit/").content.decode()
    field = re.search(r"<textarea[^>]*>\n(.*)</textarea>", page, re.DOTALL)
    assert field  # browsers drop the line feed after the opening tag
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert field[1] == escaped.replace("'", "&#x27;")


def test_download(alice: Client, world: World) -> None:
    save(alice, OURS)
    response = alice.get(f"{PAGE}download/?branch={world.dev.pk}")
    assert response.content == OURS.encode()
    assert response["Content-Disposition"] == 'attachment; filename="amplify.yml"'
    assert response["Content-Type"] == "application/yaml; charset=utf-8"


def test_errors_prevent_a_save_and_name_their_lines(alice: Client) -> None:
    wrong = OURS.replace("npm run build", "echo Key: value") + "backend: 5\n"
    response = save(alice, wrong)
    assert response.status_code == 422
    problems = [(item["problem"].line, item["text"]) for item in response.context["problems"]]
    assert problems == [(7, "- echo Key: value"), (8, "backend: 5")]
    assert "put the whole command in quotes" in response.text
    assert "- echo Key: value\nbackend: 5\n</textarea>" in response.content.decode()
    assert not BuildSpec.objects.exists()
    assert build_events() == []


def test_warnings_are_shown_and_do_not_prevent_a_save(alice: Client) -> None:
    response = save(alice, OURS + "fronted: {}\n")
    assert "Did you mean “frontend”?" in response.text
    assert response.context["lines"][7]["severity"] == "warning"


def test_too_long(alice: Client) -> None:
    response = save(alice, "#" * 25_001)
    assert response.status_code == 422
    assert "at most 25,000 characters; this one has 25,001" in response.text


def test_unchanged_text(alice: Client) -> None:
    save(alice, OURS)
    save(alice, OURS, base=1)
    assert BuildSpecVersion.objects.count() == 1
    assert build_events()[-1] == ("alice", "build.change", "All branches", "succeeded: no change")


@pytest.mark.usefixtures("clock")
def test_conflict_shows_both_texts(alice: Client, mia: Client) -> None:
    save(alice, OURS)
    save(mia, THEIRS, base=1)
    mine = OURS.replace("npm run build", "npm run mine")
    response = save(alice, mine, base=1)
    assert response.status_code == 422
    assert "mia@example.org changed these build settings now (now version 2)." in response.text
    assert "- npm run mine\n</textarea>" in response.content.decode()
    signs = {
        (line.sign, line.text.strip())
        for line in response.context["diff"]
        if line.sign in {"+", "-"}
    }
    assert signs == {("-", "- vite build"), ("+", "- npm run mine")}
    assert BuildSpec.objects.get().text == THEIRS
    assert build_events()[-1] == ("alice", "build.change", "All branches", "failed: conflict")
    save(alice, mine, base=response.context["base"])
    assert BuildSpec.objects.get().text == mine


@pytest.mark.parametrize("base", ["", "x", "-1", "9" * 30, "²"])
def test_invalid_expected_version(alice: Client, base: str) -> None:
    save(alice, OURS)
    response = alice.post(f"{PAGE}edit/", {"text": THEIRS, "base": base})
    assert response.status_code == 422
    assert BuildSpec.objects.get().text == OURS


def test_error_keeps_the_expected_version(alice: Client, mia: Client) -> None:
    save(alice, OURS)
    save(mia, THEIRS, base=1)
    response = save(alice, "version: [", base=1)
    assert (
        response.context["base"] == 1
    )  # otherwise the next save would overwrite mia's change unseen


def test_branch_override(alice: Client, world: World) -> None:
    save(alice, OURS)
    page = f"{PAGE}?branch={world.dev.pk}"
    assert "inherits version 1 from All branches" in alice.get(page).text
    response = save(alice, THEIRS, branch=world.dev)
    assert response.redirect_chain == [(page, 302)]
    assert shown(response) == THEIRS
    assert shown(alice.get(PAGE)) == OURS
    assert shown(alice.get(f"{PAGE}?branch={world.main.pk}")) == OURS
    assert "dev (own settings)" in alice.get(PAGE).text


def test_remove_an_override_and_add_it_again(alice: Client, world: World) -> None:
    save(alice, OURS)
    save(alice, THEIRS, branch=world.dev)
    remove = f"{PAGE}remove/?branch={world.dev.pk}"
    assert "will inherit the settings of All branches" in alice.get(remove).text
    response = alice.post(remove, {"base": "1"}, follow=True)
    assert "Removed the build settings of dev." in response.text
    assert shown(response) == OURS
    row = BuildSpec.objects.get(branch=world.dev)
    assert (row.version, row.versions.get(version=2).text) == (2, None)
    assert shown(save(alice, THEIRS, base=2, branch=world.dev)) == THEIRS
    assert list(row.versions.values_list("version", flat=True)) == [3, 2, 1]
    assert [entry[1:3] for entry in build_events()[2:]] == [
        ("build.remove", "dev"),
        ("build.change", "dev"),
    ]


def test_remove_the_settings_of_all_branches(alice: Client) -> None:
    save(alice, OURS)
    response = alice.post(f"{PAGE}remove/", {"base": "1"}, follow=True)
    assert shown(response) == DEFAULT
    response = alice.post(f"{PAGE}remove/", {"base": "2"}, follow=True)
    assert "All branches has no build settings of its own to remove." in response.text


def test_remove_after_a_concurrent_change(alice: Client, mia: Client) -> None:
    save(alice, OURS)
    save(mia, THEIRS, base=1)
    response = alice.post(f"{PAGE}remove/", {"base": "1"}, follow=True)
    assert "mia@example.org changed these build settings" in response.text
    assert shown(response) == THEIRS


def test_deleted_branch(alice: Client, world: World) -> None:
    save(alice, OURS, branch=world.dev)
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    response = save(alice, THEIRS, base=1, branch=world.dev)
    assert response.status_code == 422
    assert "This branch was deleted" in response.text
    assert "dev (own settings) (deleted)" in alice.get(PAGE).text
    alice.post(f"{PAGE}remove/?branch={world.dev.pk}", {"base": "1"})
    assert "(deleted)" not in alice.get(PAGE).text
    page = alice.get(f"{PAGE}?branch={world.dev.pk}").text
    assert re.search(r"selected\s*>dev \(deleted\)<", page)  # a page names the branch that it shows


ROLES = {
    # who may write: the app's own, a protected branch's, an unprotected one's
    "vera": (False, False, False),
    "bob": (False, False, True),
    "mia": (True, True, True),
    "alice": (True, True, True),
}


@pytest.mark.parametrize("name", ROLES)
def test_each_role(client_for: Callable[[str], Client], world: World, name: str) -> None:
    client = client_for(name)
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
        assert build_events()[-1] == (name, "build.change", where, outcome)
        remove = client.post(f"{PAGE}remove/{_query(branch)}", {"base": "1"})
        assert remove.status_code == (302 if allowed else 403)
        assert build_events()[-1] == (name, "build.remove", where, outcome)


def test_objects_of_another_app(
    client_for: Callable[[str], Client], alice: Client, world: World
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
    assert client_for("charlie").get(PAGE).status_code == 404
    assert BuildSpec.objects.get() == row


def test_query_count_is_constant(
    alice: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        Branch.objects.create(app=world.app, name=f"b{number}")
        save(alice, f"{OURS}# {number}\n", base=number)
    with django_assert_max_num_queries(11):
        response = alice.get(PAGE)
    assert "of 30" in response.text
    assert [version.version for version in response.context["page"]] == [*range(30, 5, -1)]
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
def test_unreadable_yaml(alice: Client, text: str) -> None:
    response = save(alice, text)
    assert response.status_code == 422
    assert len(response.context["problems"]) == 1
    assert not BuildSpec.objects.exists()


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
def test_pages_render_whatever_is_stored(alice: Client, world: World, text: str) -> None:
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
