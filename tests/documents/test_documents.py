"""The documents name every setting, command, make target, metric, error and doctor check."""

import ast
import re

from console.amplify.errors import AmplifyError
from console.lib.paths import BASE_DIR
from console.lib.service_calls import ServiceError
from console.ops import metrics
from secrets_app.ops import doctor, gauges
from secrets_app.store.errors import StoreError


def settings() -> set[str]:
    """Return the settings that the code reads from the environment."""
    code = "".join(path.read_text() for path in BASE_DIR.glob("console/**/*.py"))
    names = re.findall(r'(?:env\.\w+|env|environ\.get|required)\(\s*"([A-Z_]+)"', code)
    of_others = {"DJANGO_SETTINGS_MODULE", "GITHUB_WORKSPACE", "PROMETHEUS_MULTIPROC_DIR"}
    return set(names) - of_others


def commands() -> set[str]:
    """Return the names of our own management commands."""
    files = (
        BASE_DIR.glob("*_app/management/commands/*.py"),
        BASE_DIR.glob("console/management/commands/*.py"),
    )
    return {path.stem for found in files for path in found} - {"__init__"}


def targets() -> set[str]:
    """Return the targets that `make help` lists."""
    return set(re.findall(r"^([a-z-]+):.*## ", (BASE_DIR / "Makefile").read_text(), re.MULTILINE))


def test_it_works() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "PARAMETER_STORE"} <= settings()
    assert "sample_app" in commands()
    assert {"run", "test"} <= targets()


def test_every_setting_is_documented() -> None:
    text = (BASE_DIR / "docs" / "settings.md").read_text()
    assert {name for name in settings() if f"| `{name}` |" not in text} == set()


def test_every_command_is_documented() -> None:
    text = (BASE_DIR / "docs" / "commands.md").read_text()
    missing = {name for name in commands() if f"| `{name}" not in text}
    missing |= {name for name in targets() if f"| `make {name}`" not in text}
    assert missing == set()


def test_every_metric_is_documented(db: None) -> None:
    names = [family.name for family in metrics._registry.collect()]
    names += [name for name, _, _ in gauges.measured()]
    text = (BASE_DIR / "docs" / "operations.md").read_text()
    kept = {f"| `{name}` |" in text or f"| `{name}_total` |" in text for name in names}
    assert (len(names), kept) == (9, {True})
    asked = set(re.findall(r"console_[a-z_]+?(?=_count|_bucket|_total|\W)", text))
    assert asked - {"console_token"} <= set(names)


def kinds(base: type[ServiceError]) -> list[type[ServiceError]]:
    """Return the errors of a service that have no subclass."""
    below = base.__subclasses__()
    return [kind for child in below for kind in kinds(child)] if below else [base]


def test_every_error_is_documented() -> None:
    text = (BASE_DIR / "docs" / "operations.md").read_text()
    found = [*kinds(StoreError), *kinds(AmplifyError)]
    assert len(found) == 12 + 9
    assert [k.__name__ for k in found if f"| `{k.__name__}` | {k.message} |" not in text] == []


def test_every_check_of_the_doctor_is_documented(db: None) -> None:
    text = (BASE_DIR / "docs" / "operations.md").read_text()
    names = {result.name.partition(":")[0] for result in doctor.examine()} - {"Store"}
    assert {name for name in names if f"| {name} |" not in text} == set()
    assert {
        name for name in doctor.PERMISSIONS if not re.search(rf"\| Store: .*{name}", text)
    } == set()


def guarantees() -> dict[int, set[str]]:
    """Return the tests that docs/guarantees.md links, by the guarantee's number."""
    text = (BASE_DIR / "docs" / "guarantees.md").read_text()
    parts = re.split(r"^(\d+)\. ", text, flags=re.MULTILINE)[1:]
    return {
        int(number): set(re.findall(r"\]\(\.\./(tests/[\w/]+\.py)\)", part))
        for number, part in zip(parts[::2], parts[1::2], strict=True)
    }


def numbers_in(text: str) -> set[int]:
    """Return the guarantees that a test refers to, as in "guarantees 20 to 22 and 24"."""
    found: set[int] = set()
    for named in re.findall(r"[Gg]uarantees? ([\d, to and-]*\d)", text):
        for first, last in re.findall(r"(\d+)(?:(?:-| to )(\d+))?", named):
            found |= set(range(int(first), int(last or first) + 1))
    return found


def test_every_guarantee_links_its_tests() -> None:
    linked = guarantees()
    assert list(linked) == list(range(1, len(linked) + 1))
    files = [
        path for path in BASE_DIR.glob("tests/**/test_*.py") if path.parent.name != "documents"
    ]
    missing = [
        (number, str(path.relative_to(BASE_DIR)))
        for path in sorted(files)
        for number in sorted(numbers_in(path.read_text()))
        if str(path.relative_to(BASE_DIR)) not in linked[number]
    ]
    assert missing == []


def marks_of_tests(file: str) -> list[set[str]]:
    """Return the marks of each test in a file, with those of the whole file."""
    body = ast.parse((BASE_DIR / file).read_text()).body
    marks = [node.value for node in body if "pytestmark" in ast.unparse(node)[:10]]
    of_all = {ast.unparse(it) for mark in marks for it in getattr(mark, "elts", [mark])}
    tests = [it for it in body if isinstance(it, ast.FunctionDef) and it.name.startswith("test_")]
    return [of_all | {*map(ast.unparse, test.decorator_list)} for test in tests]


def test_make_test_checks_every_guarantee() -> None:
    """At least one of a guarantee's tests doesn't wait for `make test-all`."""
    unchecked = [
        number
        for number, files in guarantees().items()
        if files
        and all(
            "pytest.mark.exhaustive" in marks for file in files for marks in marks_of_tests(file)
        )
    ]
    assert unchecked == []
