"""`manage.py sandbox secret`: arguments, output and paths as in `npx ampx sandbox secret`."""

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
from tests.fixtures.commands import CommandResult
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.machine import Machine
from tests.fixtures.people import World

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

Manage = Callable[..., CommandResult]
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
def sandbox(manage_as: Manage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manage:
    """Return a function that runs `sandbox secret` in a project's folder."""
    package(tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda *words, **more: manage_as("sandbox", "secret", *words, **more)


def test_it_works(either_machine: Machine) -> None:
    package(either_machine.folder)

    def ampx(*words: str, stdin: str = "") -> CommandResult:
        return either_machine("sandbox", "secret", *words, stdin=stdin)

    assert ampx("list") == CommandResult(0, NONE_YET, "")
    created = "Successfully created version {} of secret {}\n"
    assert ampx("set", "foo", stdin="one") == CommandResult(0, created.format(1, "foo"), "")
    assert ampx("set", "foo", stdin="abc123") == CommandResult(0, created.format(2, "foo"), "")
    assert ampx("set", "bar", stdin="x") == CommandResult(0, created.format(1, "bar"), "")
    assert ampx("list") == CommandResult(0, " - bar\n - foo\n\n", "")
    got = ampx("get", "foo")
    record = rf"name: foo\nversion: 2\nvalue: abc123\nlastUpdated: {DATE}\n"
    assert re.fullmatch(record, got.out)
    assert ampx("remove", "foo") == CommandResult(0, "Successfully removed secret foo\n", "")
    assert ampx("get", "foo") == CommandResult(
        1, "", "This sandbox has no secret with this name.\n"
    )
    assert ampx("get").code == 1  # as for any failure of ampx
    assert ampx("remove", "--all") == CommandResult(0, "Successfully removed all secrets\n", "")
    assert ampx("list") == CommandResult(0, NONE_YET, "")


@pytest.mark.usefixtures("console_on_ssm")
def test_ampx_reads_our_parameters(sandbox: Manage, plain_ssm: "SSMClient") -> None:
    sandbox("set", "foo", *JANE, stdin="by us\n")
    [held] = plain_ssm.get_parameters_by_path(Path=JANES, WithDecryption=True)["Parameters"]
    assert (held["Name"], held["Type"]) == (f"{JANES}/foo", "SecureString")
    assert held["Value"] == "by us\n"
    plain_ssm.put_parameter(Name=f"{JANES}/bar", Value="by ampx", Type="SecureString")
    assert sandbox("list", *JANE).out == " - bar\n - foo\n\n"
    assert "\nvalue: by ampx\n" in sandbox("get", "bar", *JANE).out


def test_identifier_defaults_to_the_system_user(sandbox: Manage, monkeypatch) -> None:
    """It doesn't depend on the environment; docs/parameter-paths.md has this path."""
    jane = pwd.getpwuid(0)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: type(jane)(["jane.doe", *jane[1:]]))
    monkeypatch.setenv("LOGNAME", "somebody-else")
    sandbox("set", "foo", stdin="x")
    path = "/amplify/mycoolapp/janedoe-sandbox-25248525fc/foo"
    assert set(parameter_store().current([path])) == {path}


def test_value_is_stored_byte_for_byte(sandbox: Manage) -> None:
    for value in ("a\r\n\n", "\x1b[31m", "日本" * 600):
        sandbox("set", "foo", *JANE, stdin=value)
        got = sandbox("get", "foo", *JANE, "--format", "json")
        assert json.loads(got.out)["value"] == value
        assert f"\nvalue: {value}\nlastUpdated" in sandbox("get", "foo", *JANE).out


def test_sandboxes_are_separate(sandbox: Manage, tmp_path: Path) -> None:
    sandbox("set", "foo", *JANE, stdin="x")
    assert sandbox("list", "--identifier", "john").out == NONE_YET
    assert sandbox("remove", "--all", "--identifier", "john").code == 0
    package(tmp_path, '{"name": "another"}')
    assert sandbox("list", *JANE).out == NONE_YET
    package(tmp_path)
    assert sandbox("list", *JANE).out == " - foo\n\n"


def test_remove_all_of_many(sandbox: Manage) -> None:
    for number in range(23):
        parameter_store().put(f"{JANES}/key{number}", SecretValue("x"), overwrite=False)
    removed = sandbox("remove", "--all", *JANE, "--format", "json")
    assert len(json.loads(removed.out)["removed"]) == 23
    assert [*parameter_store().list([JANES])] == []
    entries = AuditEvent.objects.filter(action="secret.remove")
    assert entries.count() == 23
    assert entries.values("change_set").distinct().order_by().count() == 1


def test_audit_log(sandbox: Manage) -> None:
    sandbox("set", "foo", *JANE, stdin="x")
    sandbox("set", "foo", *JANE, stdin="y", by="charlie")
    sandbox("get", "foo", *JANE)
    sandbox("get", "bar", *JANE)
    sandbox("remove", "foo", *JANE)
    assert [
        (e.actor, e.action, e.app_id, e.subject, e.outcomes.get().outcome)
        for e in AuditEvent.objects.filter(action__startswith="secret.").order_by("pk")
    ] == [
        (
            f"{name}@example.org",
            f"secret.{verb}",
            "",
            f"{key} (sandbox of jane in my-cool-app)",
            end,
        )
        for name, verb, key, end in (
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
        (("set", "foo", "--identifier", "jane\n"), 1, "^[a-zA-Z0-9-]{1,15}$"),
        (("set", "foo"), 1, "can't be empty"),
        (("remove",), 1, "--all"),
        (("remove", "foo", "--all"), 1, "--all"),
        (("remove", "foo"), 1, "no secret with this name"),
        (("set", "foo", "--as", "ivan@example.org"), 1, "disabled"),
    ],
)
def test_invalid_arguments(
    sandbox: Manage, world: World, words: tuple[str, ...], code: int, says: str
) -> None:
    world.person("ivan")
    result = sandbox(*words, by="" if "--as" in words else "alice")
    assert (result.code, result.out) == (code, "")
    assert says in result.err


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"name": ""}', '{"name": 5}', '\ufeff{"name": "a"}', "[" * 9999]
)
def test_folder_without_package_json(sandbox: Manage, tmp_path: Path, text: str) -> None:
    package(tmp_path, text)
    result = sandbox("list")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("This directory has no package.json with a name.")
    (tmp_path / "package.json").unlink()
    assert sandbox("list") == result


def test_names_that_amplify_takes(sandbox: Manage, tmp_path: Path) -> None:
    """The paths are those of @aws-amplify/platform-core 1.12 in Node.js."""
    folders = {
        b'{"name": "shop_"}': "/amplify/shop/jane-sandbox-d1750c822a",
        b'{"name": "a\\u0000\\n\\u202e"}': "/amplify/a/jane-sandbox-6518aa545e",
        b'{"name": "a\\ud800"}': "/amplify/a/jane-sandbox-7b759bd1ad",
        b'{"name": "a\xff"}': "/amplify/a/jane-sandbox-7b759bd1ad",
        '{"name": "日本a"}'.encode(): "/amplify/a/jane-sandbox-6b12e89064",
    }
    for text, folder in folders.items():
        (tmp_path / "package.json").write_bytes(text)
        result = sandbox("set", "KEY", *JANE, stdin="a value")
        assert result.code == 0
        assert ("rename it in package.json" in result.err) == (not text.endswith(b'a"}'))
        assert parameter_store().current([f"{folder}/KEY"])


def test_accounts_that_amplify_takes(sandbox: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identifier of "" is none. The account's name can have any length."""
    account = pwd.struct_passwd(("jane." * 20, "x", 1, 1, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: account)
    result = sandbox("set", "KEY", "--identifier", "", stdin="a value")
    assert result.code == 0
    assert "50 letters and digits" in result.err
    path = f"/amplify/mycoolapp/{'jane' * 12}ja-sandbox-59bee6062d/KEY"
    assert parameter_store().current([path])


@pytest.mark.usefixtures("console_on_ssm")
def test_lost_response_is_unknown(sandbox: Manage, faulty: Faulty) -> None:
    faulty.always(Fault.RESET_AFTER, on="PutParameter")
    result = sandbox("set", "foo", *JANE, stdin="x")
    assert (result.code, result.out) == (1, "")
    event = AuditEvent.objects.get(action="secret.create")
    assert event.outcomes.get().outcome == "unknown"


def test_not_listed_by_an_app(
    sandbox: Manage, world: World, client_for, tmp_path: Path, manage_as: Manage
) -> None:
    """Not even for an app named like the project, with a branch named like the user."""
    package(tmp_path, json.dumps({"name": world.app.app_id}))
    alice, app = world.actor("alice"), world.app
    for name in ("jane", "jane-sandbox-0123456789"):
        add_branch(actor=alice, app_id=app.app_id, fields={"name": name})
    sandbox("set", "SANDBOXED", *JANE, stdin="x", by="charlie")
    [path] = [found.path for found in parameter_store().list([f"/amplify/{app.app_id}"])]
    Branch.objects.create(app=app, name=path.split("/")[-2])
    revalidate = reverse("secrets_revalidate", args=[app.app_id])
    for _ in range(2):
        Revalidation.objects.update(started_at="2020-01-01T00:00Z")
        assert client_for("alice").post(revalidate, {"mode": "list"}).status_code < 400
    assert Revalidation.objects.get(app=app).problem == ""
    assert not Secret.objects.exists()
    for name in ("secrets", "secrets_manage", "activity", "overview"):
        page = client_for("alice").get(reverse(name, args=[app.app_id]))
        assert page.status_code == 200
        assert "SANDBOXED" not in page.content.decode()
    assert "SANDBOXED" not in manage_as("secret", "list", "--app", app.app_id).out
    assert not AuditEvent.objects.filter(action__startswith="found.").exists()
