"""`ampx sandbox secret` and `manage.py sandbox secret` work on the same sandbox by turns.

Their exit codes are the same, too, except in test_ours_refuse_more.
"""

from collections.abc import Callable

import pytest

from tests.amplify.packages import Ampx
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine
from tests.fixtures.moto import Moto

Run = Callable[..., CommandResult]
REFUSED = (
    ("get", "missing"),
    ("get",),
    ("remove", "missing"),
    ("remove",),
    ("remove", "kept", "--all"),
    ("remove", "kept", "another"),
    ("set", "a b"),
    ("set", "a/b"),
    ("set", "empty"),
    ("set",),
    ("list", "--identifier", "jane.doe"),
    ("list", "--identifier", "x" * 16),
    ("list", "--identifier", "jane\n"),
    ("list", "--nonsense"),
    ("list", "extra"),
    (),
)


@pytest.fixture
def project(machine: Machine, console_on_ssm: Moto) -> Machine:
    """Return a machine with SSM as its store, in the folder of an Amplify project."""
    (machine.folder / "package.json").write_text('{"name": "@acme/web-shop"}')
    machine.environment |= {"PARAMETER_STORE": "ssm", "AWS_ENDPOINT_URL_SSM": console_on_ssm.url}
    return machine


@pytest.fixture
def theirs(ampx: Ampx, project: Machine) -> Run:
    """Return a function that runs `ampx sandbox secret`."""
    return lambda *words, stdin="": ampx(project.folder, "sandbox", "secret", *words, stdin=stdin)


@pytest.fixture
def ours(project: Machine) -> Run:
    """Return a function that runs `manage.py sandbox secret`."""
    return lambda *words, stdin="": project("sandbox", "secret", *words, stdin=stdin)


def done(text: str) -> CommandResult:
    return CommandResult(0, text, "")


def test_it_works(theirs: Run, ours: Run) -> None:
    created = "Successfully created version {} of secret {}\n"
    none_yet = ours("list").out.replace("manage.py", "npx ampx")
    assert theirs("list") == done(none_yet)
    assert theirs("set", "foo", stdin="by them\n") == done(created.format(1, "foo"))
    assert ours("set", "foo", stdin="日本, by us") == done(created.format(2, "foo"))
    record = ours("get", "foo").out
    assert "\nversion: 2\nvalue: 日本, by us\n" in record
    assert theirs("get", "foo") == done(record)
    assert theirs("set", "foo", stdin="by them\n") == done(created.format(3, "foo"))
    assert "\nvalue: by them\n\n" in ours("get", "foo").out
    assert ours("set", "bar", stdin="by us") == done(created.format(1, "bar"))
    assert sorted(theirs("list").out.split()) == sorted(ours("list").out.split())
    assert theirs("remove", "bar") == done("Successfully removed secret bar\n")
    assert ours("list") == done(" - foo\n\n")
    assert ours("remove", "foo") == done("Successfully removed secret foo\n")
    assert theirs("list") == done(none_yet)


def test_another_identifier(theirs: Run, ours: Run) -> None:
    jane = ("--identifier", "jane")
    ours("set", "foo", *jane, stdin="by us")
    assert theirs("list") == theirs("list", "--identifier", "")
    assert theirs("list", *jane) == ours("list", *jane) == done(" - foo\n\n")
    assert theirs("remove", "--all", *jane) == done("Successfully removed all secrets\n")
    assert theirs("remove", "--all", *jane) == ours("remove", "--all", *jane)
    assert ours("get", "foo", *jane).code == 1


def test_refused(theirs: Run, ours: Run, project: Machine) -> None:
    ours("set", "kept", stdin="a value")
    codes = {words: (theirs(*words).code, ours(*words).code) for words in REFUSED}
    assert codes == dict.fromkeys(REFUSED, (1, 1))
    assert theirs("list") == done(" - kept\n\n")
    (project.folder / "package.json").write_text("{}")
    assert (theirs("list").code, ours("list").code) == (1, 1)


def test_ours_refuse_more(theirs: Run, ours: Run) -> None:
    """A verb that doesn't exist does nothing in ampx. We write no key that looks like a folder."""
    assert theirs("nonsense") == done("")
    assert ours("nonsense").code == 1
    assert theirs("set", "..", stdin="a value").code == 0
    assert ours("set", "..", stdin="a value").code == 1
    assert ours("list") == done(" - ..\n\n")
