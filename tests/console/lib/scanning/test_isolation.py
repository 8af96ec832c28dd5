"""A process with limits, which knows no settings, reads an uploaded project (guarantee 48)."""

import json
from collections.abc import Iterator

import pytest

from console.lib.scanning.isolated import answers, parent
from console.lib.scanning.isolated.answers import TOO_MUCH, NotAnAnswer
from console.lib.scanning.isolated.parent import BUSY, FAILED, Refused, scan_upload
from console.lib.scanning.results import Project
from tests.console.lib.scanning.project_folder import needed
from tests.console.lib.scanning.zips import zip_of

READER = "envvars_app.buildspec.uses"
# Reads no build file, but tells what its process can do
SPY = "tests.console.lib.scanning.spying"
PROJECT = zip_of({"shop/amplify.yml": "x", "shop/src/a.ts": "f(process.env.KEY)"})


def refusal(data: bytes, reader: str = READER) -> str:
    """Return why an upload is refused."""
    with pytest.raises(Refused) as caught:
        scan_upload([data], "", reader)
    return str(caught.value)


def test_it_works() -> None:
    build = "version: 1\nfrontend:\n  phases:\n    build:\n      commands:\n        - echo $A\n"
    data = zip_of({"shop/amplify.yml": build, "shop/src/a.ts": "f(process.env.B)"})
    project = scan_upload([data[:100], data[100:]], "", READER)
    assert needed(project, "variable") == {"A": "amplify.yml:6", "B": "src/a.ts:1"}
    assert project.files == 1


def test_what_the_process_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENCRYPTION_KEYS", "confidential")
    with open("/dev/null") as held:
        found = json.loads(min(scan_upload([PROJECT], "", SPY).sets))
        assert held.fileno() > 2
    assert found == {
        "environment": [],
        "folder": "/",
        "open files": [0, 1, 2],
        "modules of Django": 0,
        "large file": "File too large",
        "memory": "MemoryError",
        "core dumps": [0, 0],
        "seconds": 10,
        "may fork": False,
    }


def test_code_that_needs_too_much_memory() -> None:
    hostile = "f(process.env.A);" + "(a," * 160_000
    assert refusal(zip_of({"src/a.ts": hostile})) == TOO_MUCH


def test_code_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "SECONDS", 0.01)
    assert refusal(PROJECT) == TOO_MUCH


def test_a_process_that_fails() -> None:
    assert refusal(PROJECT, "no.such.module") == FAILED


def test_one_at_a_time() -> None:
    def upload() -> Iterator[bytes]:
        with pytest.raises(Refused, match=BUSY):
            scan_upload([PROJECT], "", READER)
        yield PROJECT

    assert scan_upload(upload(), "", READER).files == 1
    assert "no code" in refusal(zip_of({"README.md": "x"}))  # the next one has its turn


def test_answers_are_not_trusted() -> None:
    good = json.loads(answers.result(Project()))
    assert answers.read(json.dumps(good).encode()) == Project()
    place = ["a.ts", 1]
    invalid = [
        *(b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"refusal": "x", "uses": []}'),
        *(
            json.dumps(good | wrong).encode()
            for wrong in (
                {"uses": [["shell", "KEY", [[place, True]]]]},
                {"uses": [["secret", "KEY", [[place, 1]]]]},
                {"uses": [["secret", {"a": 1}, []]]},
                {"unclear": [["", place]]},
                {"declared": [["x", "KEY", 1, [], "", ""]]},
                {"problems": [[["a.ts", "1"], "x", True]]},
                {"files": True},
                {"sets": "abc"},
                {"more": 1},
            )
        ),
    ]
    for answer in invalid:
        with pytest.raises(NotAnAnswer):
            answers.read(answer)
