"""`manage.py run`: it becomes the command, with the branch's environment around it."""

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from console.lib.paths import BASE_DIR
from console.management.commands.run import OURS, OURS_ON_SSM
from tests.console.cli.conftest import KEYS, Ended, Machine, copied

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
        ("variable", "COLOUR", APP, "purple\n"),
        ("variable", "COLOUR", DEV, "green\r\n"),
        ("variable", "SIZE", APP, "пять"),
        ("secret", "TOKEN", APP, "s3cret"),
        ("secret", "PEM", DEV, "-----BEGIN\n\n=-----\n"),
    ):
        assert either_machine(kind, "set", key, *scope, stdin=value).code == 0
    return either_machine


def trail(machine: Machine) -> list[Any]:
    """Return what was recorded beside the set-up."""
    entries: list[Any] = json.loads(machine("shell", "-v0", "-c", TRAIL).out)
    return entries


def test_it_works(shop: Machine) -> None:
    plain = json.loads(shop("run", *DEV, "--", *SHOW, COLOUR="mine", OTHER="stays").out)
    assert (plain["COLOUR"], plain["SIZE"], plain["OTHER"]) == ("green\r\n", "пять", "stays")
    assert not {"TOKEN", "PEM"} & set(plain)
    assert trail(shop) == [
        ["environment.run", "dev", f"2 variables and 0 secrets: {SELF}", "succeeded"]
    ]
    full = json.loads(shop("run", *DEV, "--secrets", "--", *SHOW).out)
    assert (full["TOKEN"], full["PEM"]) == ("s3cret", "-----BEGIN\n\n=-----\n")
    assert trail(shop)[1:] == [
        ["secret.reveal", "dev", "PEM", "succeeded"],
        ["secret.reveal", "All branches", "TOKEN", "succeeded"],
        ["environment.run", "dev", f"2 variables and 2 secrets: {SELF}", "succeeded"],
    ]


@pytest.fixture(scope="module")
def coloured(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a machine with one variable."""
    machine = copied(prepared, tmp_path_factory.mktemp("coloured"))
    assert machine("variable", "set", "COLOUR", *APP, stdin="purple").code == 0
    return machine.folder


@pytest.fixture
def bare(coloured: Path, tmp_path: Path) -> Machine:
    """Return a machine on the embedded store, with one variable."""
    return copied(coloured, tmp_path)


def test_the_console_keeps_its_own_keys(bare: Machine) -> None:
    bare("variable", "set", "SECRET_KEY", *DEV, stdin="the app's own")
    inherited = json.loads(bare("run", *APP, "--", *SHOW).out)
    assert not {*KEYS, "DATABASE_URL", "DJANGO_SETTINGS_MODULE"} & set(inherited)
    own = json.loads(bare("run", *DEV, "--", *SHOW).out)
    assert own["SECRET_KEY"] == "the app's own"


MAIL = {"EMAIL_URL": "smtp+tls://u:p@mail.example.org:587", "EMAIL_FROM": "console@example.org"}


def test_what_opens_the_store_and_the_mail_server_stays_behind(bare: Machine) -> None:
    given = dict.fromkeys(OURS_ON_SSM, "ours") | MAIL
    on_ssm = bare("run", *APP, "--", *SHOW, PARAMETER_STORE="ssm", **given)
    inherited = json.loads(on_ssm.out)
    assert not {*OURS_ON_SSM, "EMAIL_URL"} & set(inherited)
    own = ("env", "AWS_PROFILE=own", *SHOW)
    again = json.loads(bare("run", *APP, "--", *own, PARAMETER_STORE="ssm", **given).out)
    assert again["AWS_PROFILE"] == "own"


def test_no_setting_that_opens_something_is_forgotten() -> None:
    """A name that ends so is a key, or an address with a password in it."""
    text = (BASE_DIR / "console" / "settings.py").read_text()
    names = set(re.findall(r'"([A-Z_]+_(?:KEYS?|SECRET|PASSWORD|TOKEN|URL))"', text))
    assert {"SECRET_KEY", "EMAIL_URL"} <= names <= {*OURS}


def test_credentials_that_open_nothing_of_ours_are_handed_on(bare: Machine) -> None:
    inherited = json.loads(bare("run", *APP, "--", *SHOW, AWS_PROFILE="mine").out)
    assert (inherited["AWS_PROFILE"], inherited["AWS_ACCESS_KEY_ID"]) == ("mine", "testing")


def test_the_command_ends_as_it_likes(bare: Machine) -> None:
    said = bare("run", *APP, "--", "sh", "-c", 'echo "$COLOUR"; echo no >&2; exit 3')
    assert said == Ended(3, "purple\n", "no\n")
    assert bare("run", *APP, "--", "sh", "-c", "kill -TERM $$").code == -signal.SIGTERM
    assert bare("run", *APP, "--", "cat", stdin="through").out == "through"


def test_nothing_goes_through_a_shell(bare: Machine) -> None:
    said = bare("run", *APP, "--", "echo", "$COLOUR", "; ls", "--settings=x", "--", "--app")
    assert said == Ended(0, "$COLOUR ; ls --settings=x -- --app\n", "")


def test_a_signal_reaches_the_command_itself(bare: Machine) -> None:
    script = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); "
    script += "print('ready', flush=True); signal.pause()"
    with bare.start("run", *APP, "--", sys.executable, "-c", script) as process:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
    assert process.returncode == 9


def test_a_pipe_that_closes_ends_the_command(bare: Machine) -> None:
    """Python ignores SIGPIPE; what it becomes must not."""
    with bare.start("run", *APP, "--", "yes") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == -signal.SIGPIPE


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_no_signal_stays_ignored_and_no_file_open(bare: Machine) -> None:
    status = bare("run", *APP, "--", "grep", "SigIgn", "/proc/self/status")
    ignored = int(status.out.split()[1], 16)  # 32 and 33 are the C library's own
    ours = {it for it in signal.valid_signals() if signal.getsignal(it) == signal.SIG_IGN}
    ours -= {signal.SIGPIPE, signal.SIGXFSZ}  # by Python; what is left is nohup's and the shell's
    assert {it for it in signal.valid_signals() if ignored >> (it - 1) & 1} == ours
    script = "import os; print([fd for fd in os.listdir('/proc/self/fd') if int(fd) > 3])"
    assert bare("run", *APP, "--", sys.executable, "-c", script).out == "[]\n"


def test_the_program_is_found_by_the_callers_path(bare: Machine, tmp_path: Path) -> None:
    trap = tmp_path / "true"
    trap.write_text("#!/bin/sh\necho trapped\n")
    trap.chmod(0o755)
    bare("variable", "set", "PATH", *APP, stdin=str(tmp_path))
    assert bare("run", *APP, "--", "true") == Ended(0, "", "")


@pytest.mark.parametrize(
    ("words", "code"),
    [((), 2), (("--",), 2), (("--", "no-such-command-at-all"), 127), (("--", "/etc/passwd"), 127)],
)
def test_what_is_no_command(bare: Machine, words: tuple[str, ...], code: int) -> None:
    ended = bare("run", *APP, *words)
    assert (ended.code, ended.out) == (code, "")
    assert trail(bare) == []


def test_a_file_that_is_no_program(bare: Machine, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF nothing")
    broken.chmod(0o755)
    ended = bare("run", *APP, "--", str(broken))
    assert (ended.code, ended.err) == (126, "Can't run the command: Exec format error.\n")


def test_secrets_need_the_right_on_all_that_is_read(bare: Machine) -> None:
    bare("secret", "set", "SHARED", *APP, stdin="x")
    bare("secret", "set", "OWN", *DEV, stdin="y")
    bob = ("--as", "bob@example.org")
    refused = bare("run", *DEV, *bob, "--secrets", "--", *SHOW)
    assert (refused.code, refused.out) == (4, "")
    assert "does not allow" in refused.err
    assert [(entry[0], entry[3]) for entry in trail(bare)] == [("secret.reveal", "denied")] * 2
    bare("secret", "set", "SHARED", *DEV, stdin="z")
    allowed = json.loads(bare("run", *DEV, *bob, "--secrets", "--", *SHOW).out)
    assert (allowed["SHARED"], allowed["OWN"]) == ("z", "y")
    assert bare("run", *DEV, "--as", "vera@example.org", "--", "true").code == 0
    assert bare("run", *DEV, "--as", "charlie@example.org", "--", "true").code == 4


def test_what_an_environment_can_not_hold_is_told(bare: Machine) -> None:
    bare("secret", "set", "NUL", *APP, stdin="a\0b")
    bare("secret", "set", "COLOUR", *APP, stdin="secret purple")
    ended = bare("run", *APP, "--secrets", "--", *SHOW)
    environment = json.loads(ended.out)
    assert (environment["COLOUR"], "NUL" in environment) == ("secret purple", False)
    assert ended.err.splitlines() == [
        "COLOUR is both a variable and a secret. The command gets the secret.",
        "NUL is not included: it contains a NUL character, which environment variables can't hold.",
    ]


def test_listing_what_the_branch_gets(shop: Machine) -> None:
    listed = shop("run", *DEV, "--list")
    assert listed.code == 0
    assert [line.split("\t") for line in listed.out.splitlines()] == [
        ["COLOUR", "variable", "own"],
        ["PEM", "secret", "own"],
        ["SIZE", "variable", "inherited"],
        ["TOKEN", "secret", "inherited"],
    ]
    assert trail(shop) == []  # nothing was revealed or run


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


def test_a_locale_of_its_own_changes_no_byte(bare: Machine) -> None:
    bare("variable", "set", "NAME", *APP, stdin="日本")
    latin = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ended = bare("run", *APP, "--", "sh", "-c", 'printf %s "$NAME"', **latin)
    assert ended.out == "日本"
    assert os.fsencode(ended.out) == "日本".encode()
