"""Files that are broken, huge or meant to do harm: the rest of the project is still read."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.lib.scanning import files
from console.lib.scanning.code import MAX_USES, parse, uses_of
from console.lib.scanning.imports import Imports
from console.lib.scanning.project import NOT_TEXT, TOO_LARGE
from console.lib.scanning.results import Place, Problem
from tests.console.lib.scanning.project_folder import needed, scanned, write_files

GOOD = {"src/good.ts": "f(process.env.GOOD)"}
NAMED = "import { secret } from '@aws-amplify/backend';\n"
PIECES = st.sampled_from(
    [
        *("process.env.A", "import.meta.env", "secret('A')", NAMED, "const { A } = process.env;"),
        *("`${", "'", '"', "/*", "//", "\n", "enum E {", "<div>", "}", "{", "(", "=>", "?.", "["),
        *("export * from './x'", "const a = b;", "class C {", "\\", "\ud800", "é", "\u2028"),
    ]
)


def test_it_works(tmp_path: Path) -> None:
    broken = NAMED + "const a = secret('A');\nexport const = {{ process.env.B if (\nfunction ( {"
    project = scanned(tmp_path, {**GOOD, "amplify/broken.ts": broken})
    assert needed(project, "variable")["GOOD"] == "src/good.ts:1"
    assert "A" in needed(project, "secret")


@given(st.lists(PIECES, max_size=40))
def test_any_text_is_read(pieces: list[str]) -> None:
    source = " ".join(pieces).encode(errors="surrogatepass")
    for name in ("src/a.ts", "src/a.tsx", "src/a.vue"):
        assert uses_of(parse(name, source), name, Imports((), lambda path: None)).problem is None


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"process\0env", NOT_TEXT), (b"process " + b"x" * files.MAX_BYTES, TOO_LARGE)],
    ids=["binary", "large"],
)
def test_files_that_are_not_read(tmp_path: Path, content: bytes, message: str) -> None:
    project = scanned(tmp_path, {**GOOD, "src/bad.ts": content})
    assert project.problems == [Problem(Place("src/bad.ts", 1), message)]
    assert [*needed(project, "variable")] == ["GOOD"]


@pytest.mark.parametrize(
    "code",
    [
        "f(process.env.A);" + "(" * 20_000,
        "f(process.env.A);" + "a." * 20_000 + "b",
        "f(process.env.A);x=" + "'a'+" * 10_000 + "'b'",
        "f(process.env.A);" + "{" * 20_000,
        "f(process.env.A);" + "[" * 10_000 + "]" * 10_000,
        "f(process.env.A);" + "const {a} = a;" * 3_000,
        "f(process.env.A); // " + "x" * 400_000,
    ],
    ids=["parentheses", "members", "sum", "blocks", "arrays", "declarations", "one line"],
)
def test_depth_and_length(tmp_path: Path, code: str) -> None:
    project = scanned(tmp_path, {"src/deep.ts": code})
    assert needed(project, "variable") == {"A": "src/deep.ts:1"}


def test_texts_that_double(tmp_path: Path) -> None:
    doubling = "".join(f"const k{n} = `${{k{n - 1}}}${{k{n - 1}}}`;" for n in range(1, 40))
    code = NAMED + f"const k0 = '{'x' * 300_000}';{doubling}"
    scanned(tmp_path, {"amplify/a.ts": code + "secret(k3);secret(k39);"})


def test_invalid_utf_8(tmp_path: Path) -> None:
    project = scanned(tmp_path, {"src/a.ts": b"// \xff\xfe\nf(process.env.A, process.env['\xff'])"})
    assert needed(project, "variable") == {"A": "src/a.ts:2", "\ufffd": "src/a.ts:2"}


def test_more_uses_than_are_read(tmp_path: Path) -> None:
    code = "\n".join(f"f(process.env.A{n})" for n in range(MAX_USES + 10))
    project = scanned(tmp_path, {"src/a.ts": code})
    [problem] = project.problems
    assert problem.place == Place("src/a.ts", MAX_USES + 1)
    assert "too complex" in problem.message


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_files(outside, {"a.ts": "f(process.env.OUTSIDE)", "amplify.yml": "version: 1"})
    root = tmp_path / "project"
    write_files(root, GOOD)
    (root / "src" / "link.ts").symlink_to(outside / "a.ts")
    (root / "linked").symlink_to(outside)
    (root / "up").symlink_to(root)
    (root / "amplify.yml").symlink_to(outside / "amplify.yml")
    os.mkfifo(root / "src" / "pipe.ts")
    project = scanned(root, {})
    assert [*needed(project, "variable")] == ["GOOD"]
    assert [problem.place.path for problem in project.problems] == ["amplify.yml"]


def test_folders_and_files_that_are_left_out(tmp_path: Path) -> None:
    code = "f(process.env.NO)"
    names = [
        *("node_modules/x/a.ts", ".git/a.ts", ".next/a.js", "dist/a.js", "build/a.js"),
        *("public/a.js", "e2e/a.ts", "src/a.test.ts", "src/a.spec.tsx", "src/types.d.ts"),
        *("src/lib.min.js", "playwright.config.ts", "README.md", "src/a.json"),
    ]
    project = scanned(tmp_path, {**dict.fromkeys(names, code), **GOOD})
    assert [*needed(project, "variable")] == ["GOOD"]
    assert project.files == 1


def test_more_files_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 2)
    project = scanned(tmp_path, {f"src/{n}.ts": "f(process.env.A)" for n in range(3)})
    assert [problem.is_error for problem in project.problems] == [True]
