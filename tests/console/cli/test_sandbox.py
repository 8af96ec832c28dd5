"""`manage.py sandbox secret`: the words, the output and the paths of `npx ampx sandbox secret`."""

import json
import pwd
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from console.catalog.services import add_branch
from console.models import AuditEvent, Branch
from secrets_app.models import Revalidation, Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from tests.console.cli.conftest import Ended, Machine
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

TypeIn = Callable[..., Ended]
JANE = ("--identifier", "jane")
JANES = "/amplify/mycoolapp/jane-sandbox-eaf57f0a17"
NONE_YET = (
    "No sandbox secrets found. "
    "To create a secret use manage.py sandbox secret set <secret-name>.\n\n"
)
DATE = r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d GMT\+0000 \([A-Za-z ]+\)"


def package(folder: Path, text: str = '{"name": "my-cool-app"}') -> None:
    """Write the project's package.json."""
    (folder / "package.json").write_text(text)


@pytest.fixture
def sandbox(type_in: TypeIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TypeIn:
    """Return a function that runs `sandbox secret` in a project's folder."""
    package(tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda *words, **more: type_in("sandbox", "secret", *words, **more)


def test_it_works(either_machine: Machine) -> None:
    package(either_machine.folder)

    def ampx(*words: str, stdin: str = "") -> Ended:
        return either_machine("sandbox", "secret", *words, stdin=stdin)

    assert ampx("list") == Ended(0, NONE_YET, "")
    said = "Successfully created version {} of secret {}\n"
    assert ampx("set", "foo", stdin="one") == Ended(0, said.format(1, "foo"), "")
    assert ampx("set", "foo", stdin="abc123") == Ended(0, said.format(2, "foo"), "")
    assert ampx("set", "bar", stdin="x") == Ended(0, said.format(1, "bar"), "")
    assert ampx("list") == Ended(0, " - bar\n - foo\n\n", "")
    got = ampx("get", "foo")
    record = rf"name: foo\nversion: 2\nvalue: abc123\nlastUpdated: {DATE}\n"
    assert re.fullmatch(record, got.out)
    assert ampx("remove", "foo") == Ended(0, "Successfully removed secret foo\n", "")
    assert ampx("get", "foo") == Ended(4, "", "This sandbox has no secret with this name.\n")
    assert ampx("remove", "--all") == Ended(0, "Successfully removed all secrets\n", "")
    assert ampx("list") == Ended(0, NONE_YET, "")


@pytest.mark.usefixtures("console_on_ssm")
def test_ampx_reads_what_is_set_here(sandbox: TypeIn, plain_ssm: "SSMClient") -> None:
    sandbox("set", "foo", *JANE, stdin="by us\n")
    [held] = plain_ssm.get_parameters_by_path(Path=JANES, WithDecryption=True)["Parameters"]
    assert (held["Name"], held["Type"]) == (f"{JANES}/foo", "SecureString")
    assert held["Value"] == "by us\n"
    plain_ssm.put_parameter(Name=f"{JANES}/bar", Value="by ampx", Type="SecureString")
    assert sandbox("list", *JANE).out == " - bar\n - foo\n\n"
    assert "\nvalue: by ampx\n" in sandbox("get", "bar", *JANE).out


def test_the_user_is_this_machines_account(sandbox: TypeIn, monkeypatch) -> None:
    """The environment doesn't matter; docs/parameter-paths.md has this path."""
    jane = pwd.getpwuid(0)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: type(jane)(["jane.doe", *jane[1:]]))
    monkeypatch.setenv("LOGNAME", "somebody-else")
    sandbox("set", "foo", stdin="x")
    path = "/amplify/mycoolapp/janedoe-sandbox-25248525fc/foo"
    assert set(parameter_store().current([path])) == {path}


def test_every_byte_goes_through(sandbox: TypeIn) -> None:
    for value in ("a\r\n\n", "\x1b[31m", "日本" * 600):
        sandbox("set", "foo", *JANE, stdin=value)
        got = sandbox("get", "foo", *JANE, "--format", "json")
        assert json.loads(got.out)["value"] == value
        assert f"\nvalue: {value}\nlastUpdated" in sandbox("get", "foo", *JANE).out


def test_sandboxes_are_apart(sandbox: TypeIn, tmp_path: Path) -> None:
    sandbox("set", "foo", *JANE, stdin="x")
    assert sandbox("list", "--identifier", "john").out == NONE_YET
    assert sandbox("remove", "--all", "--identifier", "john").code == 0
    package(tmp_path, '{"name": "another"}')
    assert sandbox("list", *JANE).out == NONE_YET
    package(tmp_path)
    assert sandbox("list", *JANE).out == " - foo\n\n"


def test_all_of_many_are_removed(sandbox: TypeIn) -> None:
    for number in range(23):
        parameter_store().put(f"{JANES}/key{number}", SecretValue("x"), overwrite=False)
    removed = sandbox("remove", "--all", *JANE, "--format", "json")
    assert len(json.loads(removed.out)["removed"]) == 23
    assert [*parameter_store().list([JANES])] == []
    entries = AuditEvent.objects.filter(action="secret.remove")
    assert entries.count() == 23
    assert entries.values("change_set").distinct().order_by().count() == 1


def test_every_act_is_recorded(sandbox: TypeIn) -> None:
    sandbox("set", "foo", *JANE, stdin="x")
    sandbox("set", "foo", *JANE, stdin="y", who="charlie")
    sandbox("get", "foo", *JANE)
    sandbox("get", "bar", *JANE)
    sandbox("remove", "foo", *JANE)
    assert [
        (e.actor, e.action, e.app_id, e.subject, e.outcomes.get().outcome)
        for e in AuditEvent.objects.filter(action__startswith="secret.").order_by("pk")
    ] == [
        (f"{who}@example.org", f"secret.{verb}", "", f"{key} (sandbox of jane in my-cool-app)", end)
        for who, verb, key, end in (
            ("alice", "create", "foo", "succeeded"),
            ("charlie", "change", "foo", "succeeded"),
            ("alice", "reveal", "foo", "succeeded"),
            ("alice", "reveal", "bar", "failed"),
            ("alice", "remove", "foo", "succeeded"),
        )
    ]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("set", "a b"), 1, "Use only letters"),
        (("get", "a/b"), 1, "Use only letters"),
        (("set", "foo", "--identifier", "jane.doe"), 1, "^[a-zA-Z0-9-]{1,15}$"),
        (("set", "foo", "--identifier", "x" * 16), 1, "^[a-zA-Z0-9-]{1,15}$"),
        (("set", "foo", "--identifier", ""), 1, "^[a-zA-Z0-9-]{1,15}$"),
        (("set", "foo", "--identifier", "jane\n"), 1, "^[a-zA-Z0-9-]{1,15}$"),
        (("set", "foo"), 1, "can't be empty"),
        (("remove",), 2, "--all"),
        (("remove", "foo", "--all"), 2, "--all"),
        (("remove", "foo"), 4, "no secret with this name"),
        (("set", "foo", "--as", "ivan@example.org"), 4, "disabled"),
    ],
)
def test_what_can_not_be_is_refused(
    sandbox: TypeIn, world: World, words: tuple[str, ...], code: int, says: str
) -> None:
    world.person("ivan")
    ended = sandbox(*words, who="" if "--as" in words else "alice")
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"name": ""}', '{"name": 5}', '{"name": "\\ud800"}', "[" * 9999]
)
def test_a_folder_that_is_no_project(sandbox: TypeIn, tmp_path: Path, text: str) -> None:
    package(tmp_path, text)
    ended = sandbox("list")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("This directory has no package.json with a name.")
    (tmp_path / "package.json").unlink()
    assert sandbox("list") == ended


def test_a_project_whose_path_is_another_projects(sandbox: TypeIn, tmp_path: Path) -> None:
    package(tmp_path, '{"name": "shop_"}')
    ended = sandbox("list")
    assert (ended.code, "Rename it in package.json" in ended.err) == (1, True)


@pytest.mark.usefixtures("console_on_ssm")
def test_a_lost_answer_is_unknown(sandbox: TypeIn, faulty: Faulty) -> None:
    faulty.always(Fault.RESET_AFTER, on="PutParameter")
    ended = sandbox("set", "foo", *JANE, stdin="x")
    assert (ended.code, ended.out) == (5, "")
    event = AuditEvent.objects.get(action="secret.create")
    assert event.outcomes.get().outcome == "unknown"


def test_no_list_of_the_console_shows_them(
    sandbox: TypeIn, world: World, as_, tmp_path: Path, type_in: TypeIn
) -> None:
    """Not of an app whose id is the project's name, with a branch that is named as the user."""
    package(tmp_path, json.dumps({"name": world.app.app_id}))
    alice, app = world.actor("alice"), world.app
    for name in ("jane", "jane-sandbox-0123456789"):
        add_branch(actor=alice, app_id=app.app_id, fields={"name": name})
    sandbox("set", "SANDBOXED", *JANE, stdin="x", who="charlie")
    [path] = [found.path for found in parameter_store().list([f"/amplify/{app.app_id}"])]
    Branch.objects.create(app=app, name=path.split("/")[-2])
    revalidate = reverse("secrets_revalidate", args=[app.app_id])
    for _ in range(2):
        Revalidation.objects.update(started_at="2020-01-01T00:00Z")
        assert as_("alice").post(revalidate, {"mode": "list"}).status_code < 400
    assert Revalidation.objects.get(app=app).problem == ""
    assert not Secret.objects.exists()
    for name in ("secrets", "secrets_manage", "activity", "overview"):
        page = as_("alice").get(reverse(name, args=[app.app_id]))
        assert page.status_code == 200
        assert "SANDBOXED" not in page.content.decode()
    assert "SANDBOXED" not in type_in("secret", "list", "--app", app.app_id).out
    assert not AuditEvent.objects.filter(action__startswith="found.").exists()
