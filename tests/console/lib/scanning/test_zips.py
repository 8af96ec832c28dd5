"""A zip is read as a folder is, and a hostile one leads nowhere (guarantee 48)."""

import io
import random
import stat
import zipfile
from pathlib import Path

import pytest

from console.lib.scanning import files
from console.lib.scanning.files import Folder
from console.lib.scanning.isolated import archive
from console.lib.scanning.isolated.archive import Archive, Refused
from console.lib.scanning.project import NOT_READ, TOO_LARGE, scan
from console.lib.scanning.results import Project
from envvars_app.buildspec.uses import uses_in_build
from tests.console.cli.planted import FILES
from tests.console.lib.scanning.project_folder import needed, write_files
from tests.console.lib.scanning.zips import zip_of

CODE = "f(process.env.KEY)"


def scanned(data: bytes, folder: str = "") -> Project:
    """Read a zip in this process."""
    return scan(Archive(io.BytesIO(data), folder), uses_in_build)


def used(*names: str, folder: str = "") -> list[str]:
    """Return the paths of the files that are read, of these in a zip."""
    project = scanned(zip_of(dict.fromkeys(names, CODE)), folder)
    return [use.place.path for use in project.uses["variable", "KEY"]]


def test_it_works(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    in_folder = scan(Folder(tmp_path), uses_in_build)
    assert len(in_folder.uses) > 20
    assert scanned(zip_of(FILES)) == in_folder
    around = {f"shop-main/{name}": text for name, text in reversed(FILES.items())}
    assert scanned(zip_of(around)) == in_folder


def test_folders() -> None:
    assert used("shop/src/a.ts", "shop/b.ts") == ["b.ts", "src/a.ts"]
    assert used("shop\\src\\a.ts", "./shop//b.ts") == ["b.ts", "src/a.ts"]
    assert used("amplify/a.ts") == ["amplify/a.ts"]
    assert used("src/a.ts", "lib/a.ts") == ["lib/a.ts", "src/a.ts"]
    assert used("shop/a.ts", "__MACOSX/shop/._a.ts") == ["a.ts"]
    assert used("x/apps/web/a.ts", "x/apps/api/a.ts", folder="/apps/web/") == ["a.ts"]
    left_out = ("node_modules/x/a.ts", ".git/a.ts", "dist/a.js", "src/a.test.ts")
    assert used("src/a.ts", "d/" * 41 + "a.ts", *left_out) == ["src/a.ts"]


@pytest.mark.parametrize("name", ["../a.ts", "a/../../b.ts", "/etc/a.ts", "..\\a.ts", "C:\\a.ts"])
def test_paths_that_lead_out(name: str) -> None:
    with pytest.raises(Refused, match="leads out"):
        scanned(zip_of({"src/a.ts": CODE, name: CODE}))


def test_zips_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    good = zip_of({"src/a.ts": CODE})
    encrypted = bytearray(good)
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        encrypted[encrypted.index(mark) + offset] |= 1
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    monkeypatch.setattr(archive, "MAX_UNPACKED", 10_000)
    bomb = zip_of({f"src/{n}.ts": b"x" * 9_000 for n in range(2)})
    refused = {
        "is not a zip": [b"", b"no zip", good[:-30], good[:30], b"PK\5\6" + b"\xff" * 18],
        "is encrypted": [bytes(encrypted)],
        "more than 20,000 files": [zip_of(dict.fromkeys("abcd", ""))],
        "more than 50,000,000 bytes": [bomb],
        "is compressed": [
            zip_of({"a.ts": CODE}, it) for it in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)
        ],
        "no folder": [zip_of({"docs/a.ts": CODE})],
    }
    for message, zips in refused.items():
        for data in zips:
            with pytest.raises(Refused, match=message):
                scanned(data, "web" if message == "no folder" else "")


def test_links_and_devices() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as zipped:
        zipped.writestr("src/a.ts", CODE)
        for name, kind in {"src/link.ts": stat.S_IFLNK, "src/pipe.ts": stat.S_IFIFO}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o777) << 16
            zipped.writestr(info, "/etc/passwd")
        info = zipfile.ZipInfo("amplify.yml")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(info, "/etc/passwd")
    project = scanned(written.getvalue())
    assert project.files == 1
    assert [(it.place.path, it.message) for it in project.problems] == [("amplify.yml", NOT_READ)]


def test_files_that_say_wrong_sizes() -> None:
    """What an entry says is a limit, and a sum that differs makes it unreadable."""
    data = bytearray(zip_of({"src/a.ts": CODE * 1_000, "src/b.ts": CODE}))
    at = data.index(b"PK\1\2") + 24  # the size of the first file, unpacked
    data[at : at + 4] = (10).to_bytes(4, "little")
    project = scanned(bytes(data))
    assert [(it.place.path, it.message) for it in project.problems] == [("src/a.ts", NOT_READ)]
    assert needed(project, "variable") == {"KEY": "src/b.ts:1"}


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zip_of({"src/bomb.ts": b" " * 100_000_000, "src/a.ts": CODE})
    assert len(bomb) < 200_000
    project = scanned(bomb)
    assert [(it.place.path, it.message) for it in project.problems] == [("src/bomb.ts", TOO_LARGE)]
    assert needed(project, "variable") == {"KEY": "src/a.ts:1"}


def test_names_of_any_characters() -> None:
    names = ["src/ключ 日本.ts", "src/a\n\x1b[2J\u202e.ts", "src/" + "n" * 60_000 + ".ts"]
    assert sorted(used(*names)) == sorted(names)


def test_damaged_zips() -> None:
    """Any bytes are read or refused, and nothing else is raised."""
    good = zip_of({"src/a.ts": CODE * 20, "amplify.yml": "version: 1"})
    chance = random.Random(7)  # noqa: S311 - picks bytes to damage
    outcomes = set()
    for _ in range(400):
        data = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            scanned(bytes(data))
        except (Refused, files.TooMany) as refusal:
            outcomes.add(str(refusal))
        else:
            outcomes.add("read")
    assert {"read", archive.NOT_A_ZIP} <= outcomes
