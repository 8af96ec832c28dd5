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
PACKAGES = (
    b'{"name": "shop", "name": "shop_"}',
    b'{"name": "@acme/team/shop", "version": "1.0.0", "type": "module"}',
    b'{"name": "a\\u0000\\n\\u202e"}',
    b'{"name": "a\\ud800", "other": "\\ud83d\\ude00"}',
    b'{"name": "a\xff\xe6\x97"}',
    '{"name": "日本🗝a"}'.encode(),
    b'{"name": "%s"}' % (b"long-" * 100),
    b'\xef\xbb\xbf{"name": "a"}',
    b'{"name": "a\n"}',
    b'{"name": "a",}',
    b'{"name": 5}',
    b'{"name": null}',
    b'{"name": ""}',
    b"{}",
    b"[]",
    b"",
)


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


def test_projects(ours: Ours, client: SecretClient, tmp_path: Path) -> None:
    """We take the same names from package.json, and refuse the same files."""
    file = tmp_path / "package.json"
    for number, text in enumerate(PACKAGES):
        file.write_bytes(text)
        try:
            project = client("project", str(file))
        except Refused:
            project = None
        done = ours("set", "foo", stdin=f"value {number}")
        assert done.code == (0 if project else 1), text
        if project:
            sandbox = SANDBOX | {"namespace": project}
            assert client("getSecret", sandbox, {"name": "foo"})["value"] == f"value {number}"
