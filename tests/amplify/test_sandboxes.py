"""Amplify's own client and `manage.py sandbox secret` share the secrets of a sandbox."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.amplify.packages import Refused, SecretClient
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

Ours = Callable[..., CommandResult]
SANDBOX = {"namespace": "@acme/web-shop", "name": "ec2-user", "type": "sandbox"}


@pytest.fixture
def ours(
    world: World,
    manage: Callable[..., CommandResult],
    console_on_ssm: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Ours:
    """Return a function that runs `manage.py sandbox secret` in the project's folder."""
    (tmp_path / "package.json").write_text('{"name": "@acme/web-shop"}')
    monkeypatch.chdir(tmp_path)
    who = ("--identifier", "ec2-user", "--as", world.person("charlie").email)
    return lambda *words, stdin="": manage("sandbox", "secret", *words, *who, stdin=stdin)


def test_it_works(ours: Ours, client: SecretClient) -> None:
    ours("set", "foo", stdin="first")
    ours("set", "foo", stdin="by us\n")
    found = client("getSecret", SANDBOX, {"name": "foo"})
    assert (found["version"], found["value"]) == (2, "by us\n")
    assert client("getSecret", SANDBOX, {"name": "foo", "version": 1})["value"] == "first"
    client("setSecret", SANDBOX, "bar", "by them\n")
    assert ours("list").out == " - bar\n - foo\n\n"
    assert "\nvalue: by them\n\n" in ours("get", "bar").out
    assert {found["name"] for found in client("listSecrets", SANDBOX)} == {"bar", "foo"}
    ours("remove", "foo")
    with pytest.raises(Refused, match="ParameterNotFound"):
        client("getSecret", SANDBOX, {"name": "foo"})
    client("removeSecret", SANDBOX, "bar")
    assert ours("get", "bar").code == 1
    assert re.match("No sandbox secrets found", ours("list").out)
