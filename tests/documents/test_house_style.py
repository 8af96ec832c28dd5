"""House style: plain words, linked pages, references that exist, and short template lines.

Each failure lists every finding as file:line, so that one run shows all that is left to do.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from console.lib.paths import BASE_DIR

FOLDERS = ("console", "secrets_app", "envvars_app", "templates", "static", "tests", "docs")
SUFFIXES = {".css", ".html", ".jinja", ".js", ".md", ".py", ".toml", ".txt", ".yaml"}
SKIPPED = {"__pycache__", "migrations", "node_modules"}  # migrations keep the words of their time
TEMPLATE_LINE = 120

# Each pattern and what to write instead
WORDS = {
    r"(?:he|she|him|himself|herself|his|hers?)": "they, or the role: the owner, the member",
    r"(?:whoever|whomever|whosever)": "anyone who, or the role",
    r"lest": "so that … not",
    r"anew": "again",
    r"meanwhile": "in the meantime, or nothing",
    r"(?:thereof|therein|thereby)": "of it, in it, by that",
    r"say whether": "Return True if",
}
_WORD = re.compile(rf"\b(?:{'|'.join(WORDS)})\b", re.IGNORECASE)
_PATH = re.compile(
    rf"(?<![\w./<-])(?:{'|'.join(FOLDERS)})/[\w./*-]+\.(?:css|html|jinja|js|md|png|py|svg|txt)\b"
)
_FOLDER = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ROOT_DOCUMENT = re.compile(r"(?<![\w./<-])[A-Z]{4,}(?:_[A-Z]+)*\.md\b")


def files(*suffixes: str) -> Iterator[Path]:
    """Yield the repository's text files with these suffixes; without suffixes, all of them."""
    wanted = set(suffixes) or SUFFIXES
    found = [
        *BASE_DIR.glob("*"),
        *(path for name in FOLDERS for path in (BASE_DIR / name).rglob("*")),
    ]
    for path in sorted(found):
        is_wanted = path.suffix in wanted or (
            not suffixes and path.name in {"Dockerfile", "Makefile"}
        )
        if is_wanted and path.is_file() and SKIPPED.isdisjoint(path.relative_to(BASE_DIR).parts):
            yield path


def lines(paths: Iterable[Path]) -> Iterator[tuple[str, Path, str]]:
    """Yield each line of the files with its place, as file:line."""
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield f"{path.relative_to(BASE_DIR)}:{number}", path, line


def instead_of(word: str) -> str:
    """Return what to write instead of a retired word."""
    return next(use for pattern, use in WORDS.items() if re.fullmatch(pattern, word, re.IGNORECASE))


def is_there(name: str, beside: Path) -> bool:
    """Return True if a path that `beside` mentions exists.

    Code names templates and static files relative to their own folders.
    """
    places = (BASE_DIR, BASE_DIR / "templates", BASE_DIR / "static", beside.parent)
    return any(
        any(place.glob(name)) if "*" in name else (place / name).exists() for place in places
    )


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def report(found: Iterable[str], what: str) -> None:
    """Fail with every finding, if there are any."""
    every = list(found)
    if every:
        pytest.fail(f"{len(every)} {what}:\n" + "\n".join(every), pytrace=False)


def test_no_retired_word() -> None:
    found = (
        f'{place}: "{word}" (write: {instead_of(word)})'
        for place, path, line in lines(files())
        if path != Path(__file__).resolve()
        for word in _WORD.findall(line)
    )
    report(found, "retired words")


def test_every_page_is_in_an_index() -> None:
    indexes = [BASE_DIR / "docs" / "README.md", BASE_DIR / "docs" / "adr" / "README.md"]
    linked = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in indexes
        for link in _LINK.findall(index.read_text())
    }
    pages = [page for page in files(".md") if page.is_relative_to(BASE_DIR / "docs")]
    missing = [page for page in pages if page not in linked and page != indexes[0]]
    report((f"{page.relative_to(BASE_DIR)}" for page in missing), "pages that no index links")


def test_every_link_leads_somewhere() -> None:
    broken = []
    for place, path, line in lines(files(".md")):
        for link in _LINK.findall(line):
            if link.startswith(("http:", "https:", "mailto:")):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{place}: {link}")
    report(broken, "broken links")


def test_every_file_that_is_named_exists() -> None:
    missing = []
    for place, path, line in lines(files()):
        names = [*_PATH.findall(line), *_ROOT_DOCUMENT.findall(line)]
        names += _FOLDER.findall(line) if path.suffix == ".md" else []
        missing += [f"{place}: {name}" for name in dict.fromkeys(names) if not is_there(name, path)]
    report(missing, "references to files that don't exist")


def test_no_template_line_is_too_long() -> None:
    suffixes = (".html", ".jinja", ".txt")
    templates = [path for path in files(*suffixes) if path.is_relative_to(BASE_DIR / "templates")]
    found = (
        f"{place}: {len(line)} characters"
        for place, _, line in lines(templates)
        if len(line) > TEMPLATE_LINE
    )
    report(found, f"template lines of more than {TEMPLATE_LINE} characters")


def test_every_template_comment_ends_on_its_line() -> None:
    """Django's short comments don't go over a line break: the page would show them."""
    templates = [path for path in files(".html") if path.is_relative_to(BASE_DIR / "templates")]
    found = [place for place, _, line in lines(templates) if line.count("{#") != line.count("#}")]
    report(found, "comments that a page would show")
