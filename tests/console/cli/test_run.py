"""`manage.py run`: it becomes the command, with the branch's environment around it."""

import json
import os
import re
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from console.lib.paths import BASE_DIR
from console.management.commands.run import OURS, OURS_IN_AWS
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import KEYS, Machine, copy_machine

pytestmark = pytest.mark.slow
APP = ("--app", "d1shop")
DEV = (*APP, "--branch", "dev")
SHOW = (sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
SELF = Path(sys.executable).name
TRAIL = """
import json
from console.models import AuditEvent
print(json.dumps([
    [event.action, event.branch, event.subject, event.outcomes.last().outcome]
    for event in AuditEvent.objects.exclude(action__endswith="create").order_by("pk")
]))
"""


@pytest.fixture
def shop(either_machine: Machine) -> Machine:
    """Return a machine with variables and secrets on All branches and on dev."""
    for kind, key, scope, value in (
        ("variable", "COLOR", APP, "purple\n"),
        ("variable", "COLOR", DEV, "green\r\n"),
        ("variable", "SIZE", APP, "пять"),
        ("secret", "TOKEN", APP, "s3cret"),
        ("secret", "PEM", DEV, "-----BEGIN\n\n=-----\n"),
    ):
        assert either_machine(kind, "set", key, *scope, stdin=value).code == 0
    return either_machine


def audit_log(machine: Machine) -> list[Any]:
    """Return the audit events after the set-up."""
    entries: list[Any] = json.loads(machine("shell", "-v0", "-c", TRAIL).out)
    return entries


def test_it_works(shop: Machine) -> None:
    plain = json.loads(shop("run", *DEV, "--", *SHOW, COLOR="mine", OTHER="stays").out)
    assert (plain["COLOR"], plain["SIZE"], plain["OTHER"]) == ("green\r\n", "пять", "stays")
    assert not {"TOKEN", "PEM"} & set(plain)
    assert audit_log(shop) == [
        ["environment.run", "dev", f"2 variables and 0 secrets: {SELF}", "succeeded"]
    ]
    full = json.loads(shop("run", *DEV, "--secrets", "--", *SHOW).out)
    assert (full["TOKEN"], full["PEM"]) == ("s3cret", "-----BEGIN\n\n=-----\n")
    assert audit_log(shop)[1:] == [
        ["secret.reveal", "dev", "PEM", "succeeded"],
        ["secret.reveal", "All branches", "TOKEN", "succeeded"],
        ["environment.run", "dev", f"2 variables and 2 secrets: {SELF}", "succeeded"],
    ]


@pytest.fixture(scope="module")
def color_folder(prepared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a machine with one variable."""
    machine = copy_machine(prepared_folder, tmp_path_factory.mktemp("color_folder"))
    assert machine("variable", "set", "COLOR", *APP, stdin="purple").code == 0
    return machine.folder


@pytest.fixture
def bare(color_folder: Path, tmp_path: Path) -> Machine:
    """Return a machine on the embedded store, with one variable."""
    return copy_machine(color_folder, tmp_path)


def test_own_keys_are_not_passed_on(bare: Machine) -> None:
    bare("variable", "set", "SECRET_KEY", *DEV, stdin="the app's own")
    inherited = json.loads(bare("run", *APP, "--", *SHOW).out)
    assert not {*KEYS, "DATABASE_URL", "DJANGO_SETTINGS_MODULE"} & set(inherited)
    own = json.loads(bare("run", *DEV, "--", *SHOW).out)
    assert own["SECRET_KEY"] == "the app's own"


MAIL = {"EMAIL_URL": "smtp+tls://u:p@mail.example.org:587", "EMAIL_FROM": "console@example.org"}


@pytest.mark.parametrize("uses_aws", [{"PARAMETER_STORE": "ssm"}, {"AMPLIFY": "on"}], ids=str)
def test_credentials_of_aws_and_mail_server_are_not_passed_on(
    bare: Machine, uses_aws: dict[str, str]
) -> None:
    given = dict.fromkeys(OURS_IN_AWS, "ours") | MAIL | uses_aws
    inherited = json.loads(bare("run", *APP, "--", *SHOW, **given).out)
    assert not {*OURS_IN_AWS, "EMAIL_URL"} & set(inherited)
    own = ("env", "AWS_PROFILE=own", *SHOW)
    again = json.loads(bare("run", *APP, "--", *own, **given).out)
    assert again["AWS_PROFILE"] == "own"


def test_every_credential_setting_is_withheld() -> None:
    """Names with these endings are keys, or URLs with a password."""
    text = (BASE_DIR / "console" / "settings.py").read_text()
    names = set(re.findall(r'"([A-Z_]+_(?:KEYS?|SECRET|PASSWORD|TOKEN|URL))"', text))
    assert {"SECRET_KEY", "EMAIL_URL"} <= names <= {*OURS, "BASE_URL"}  # which has no password


def test_other_credentials_are_passed_on(bare: Machine) -> None:
    inherited = json.loads(bare("run", *APP, "--", *SHOW, AWS_PROFILE="mine").out)
    assert (inherited["AWS_PROFILE"], inherited["AWS_ACCESS_KEY_ID"]) == ("mine", "testing")


def test_exit_code_of_the_command(bare: Machine) -> None:
    result = bare("run", *APP, "--", "sh", "-c", 'echo "$COLOR"; echo no >&2; exit 3')
    assert result == CommandResult(3, "purple\n", "no\n")
    assert bare("run", *APP, "--", "sh", "-c", "kill -TERM $$").code == -signal.SIGTERM
    assert bare("run", *APP, "--", "cat", stdin="through").out == "through"


def test_no_shell(bare: Machine) -> None:
    result = bare("run", *APP, "--", "echo", "$COLOR", "; ls", "--settings=x", "--", "--app")
    assert result == CommandResult(0, "$COLOR ; ls --settings=x -- --app\n", "")


def test_signal_reaches_the_command(bare: Machine) -> None:
    script = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); "
    script += "print('ready', flush=True); signal.pause()"
    with bare.start("run", *APP, "--", sys.executable, "-c", script) as process:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
    assert process.returncode == 9


def test_closed_pipe_ends_the_command(bare: Machine) -> None:
    """Python ignores SIGPIPE; the command it becomes must not."""
    with bare.start("run", *APP, "--", "yes") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == -signal.SIGPIPE


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_default_signals_and_no_open_files(bare: Machine) -> None:
    run = partial(bare.run_in_new_interpreter, "run", *APP, "--")
    status = run("grep", "SigIgn", "/proc/self/status")
    ignored = int(status.out.split()[1], 16)  # 32 and 33 belong to the C library
    ours = {it for it in signal.valid_signals() if signal.getsignal(it) == signal.SIG_IGN}
    ours -= {signal.SIGPIPE, signal.SIGXFSZ}  # by Python; the others come from nohup and the shell
    assert {it for it in signal.valid_signals() if ignored >> (it - 1) & 1} == ours
    script = "import os; print([fd for fd in os.listdir('/proc/self/fd') if int(fd) > 3])"
    assert run(sys.executable, "-c", script).out == "[]\n"


def test_program_is_found_in_path(bare: Machine, tmp_path: Path) -> None:
    trap = tmp_path / "true"
    trap.write_text("#!/bin/sh\necho trapped\n")
    trap.chmod(0o755)
    bare("variable", "set", "PATH", *APP, stdin=str(tmp_path))
    assert bare("run", *APP, "--", "true") == CommandResult(0, "", "")


@pytest.mark.parametrize(
    ("words", "code"),
    [((), 2), (("--",), 2), (("--", "no-such-command-at-all"), 127), (("--", "/etc/passwd"), 127)],
)
def test_missing_command(bare: Machine, words: tuple[str, ...], code: int) -> None:
    result = bare("run", *APP, *words)
    assert (result.code, result.out) == (code, "")
    assert audit_log(bare) == []


def test_not_executable(bare: Machine, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF nothing")
    broken.chmod(0o755)
    result = bare("run", *APP, "--", str(broken))
    assert (result.code, result.err) == (126, "Can't run the command: Exec format error.\n")


def test_secrets_need_the_permission_on_every_scope(bare: Machine) -> None:
    bare("secret", "set", "SHARED", *APP, stdin="x")
    bare("secret", "set", "OWN", *DEV, stdin="y")
    bob = ("--as", "bob@example.org")
    refused = bare("run", *DEV, *bob, "--secrets", "--", *SHOW)
    assert (refused.code, refused.out) == (4, "")
    assert "does not allow" in refused.err
    assert [(entry[0], entry[3]) for entry in audit_log(bare)] == [("secret.reveal", "denied")] * 2
    bare("secret", "set", "SHARED", *DEV, stdin="z")
    allowed = json.loads(bare("run", *DEV, *bob, "--secrets", "--", *SHOW).out)
    assert (allowed["SHARED"], allowed["OWN"]) == ("z", "y")
    assert bare("run", *DEV, "--as", "vera@example.org", "--", "true").code == 0
    assert bare("run", *DEV, "--as", "charlie@example.org", "--", "true").code == 4


def test_value_an_environment_cannot_hold(bare: Machine) -> None:
    bare("secret", "set", "NUL", *APP, stdin="a\0b")
    bare("secret", "set", "COLOR", *APP, stdin="secret purple")
    result = bare("run", *APP, "--secrets", "--", *SHOW)
    environment = json.loads(result.out)
    assert (environment["COLOR"], "NUL" in environment) == ("secret purple", False)
    assert result.err.splitlines() == [
        "COLOR is both a variable and a secret. The command gets the secret.",
        "NUL is not included: it contains a NUL character, which environment variables can't hold.",
    ]


def test_list_option(shop: Machine) -> None:
    listed = shop("run", *DEV, "--list")
    assert listed.code == 0
    assert [line.split("\t") for line in listed.out.splitlines()] == [
        ["COLOR", "variable", "own"],
        ["PEM", "secret", "own"],
        ["SIZE", "variable", "inherited"],
        ["TOKEN", "secret", "inherited"],
    ]
    assert audit_log(shop) == []  # nothing was revealed or run


def test_more_than_ten_secrets(bare: Machine) -> None:
    script = """
import uuid
from console.access.actors import from_command_line
from console.models import User
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.save import save
from secrets_app.store.base import SecretValue
actor = from_command_line(User.objects.get(email="alice@example.org"))
rows = [SetSecret(str(n), key=f"KEY_{n}", value=SecretValue(f"value {n}")) for n in range(23)]
save(actor=actor, app_id="d1shop", commands=rows, change_set=uuid.uuid4())
"""
    assert bare("shell", "-v0", "-c", script).code == 0
    environment = json.loads(bare("run", *APP, "--secrets", "--", *SHOW).out)
    assert [environment[f"KEY_{n}"] for n in range(23)] == [f"value {n}" for n in range(23)]


@pytest.mark.exhaustive
def test_locale_changes_no_byte(bare: Machine) -> None:
    bare("variable", "set", "NAME", *APP, stdin="日本")
    latin = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    show = ("sh", "-c", 'printf %s "$NAME"')
    result = bare.run_in_new_interpreter("run", *APP, "--", *show, **latin)
    assert result.out == "日本"
    assert os.fsencode(result.out) == "日本".encode()
