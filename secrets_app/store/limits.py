"""What SSM takes, enforced by us before any call, in the same words for every store.

moto enforces none of this, and SSM's own words for a refused value quote the value.
"""

from collections.abc import Iterable, Iterator

from secrets_app.paths import InvalidPath, check_path
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Rejected

VALUE_LIMIT = 4096  # bytes of UTF-8, SSM's standard tier
VERSIONS_KEPT = 100
BATCH = 10  # names a GetParameters or DeleteParameters call takes


def check_put(path: str, value: SecretValue) -> None:
    """Raise Rejected unless `path` and `value` can be written."""
    valid_path(path)
    check_value(value)


def valid_path(path: str) -> str:
    """Return `path`, or raise Rejected where it can't name a parameter."""
    try:
        check_path(path)
    except InvalidPath as refusal:
        raise Rejected(str(refusal)) from None
    return path


def check_value(value: SecretValue) -> None:
    """Raise Rejected unless SSM takes the value."""
    if problem := _value_problem(value):  # raised here, so that no frame of it holds the value
        raise Rejected(problem)


def distinct(paths: Iterable[str]) -> list[str]:
    """Return the paths, each once and in their order; raise Rejected for one that can't be."""
    return list(dict.fromkeys(map(valid_path, paths)))


def batches(paths: Iterable[str], size: int = BATCH) -> Iterator[list[str]]:
    """Yield the checked, distinct paths in lists of at most `size`."""
    wanted = distinct(paths)
    for start in range(0, len(wanted), size):
        yield wanted[start : start + size]


def _value_problem(value: SecretValue) -> str:
    text = value.reveal()
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "The value is not valid Unicode text. Paste it again."
    if size == 0:
        return "Enter a value. Secrets can't be empty."
    if size > VALUE_LIMIT:
        limit = f"{VALUE_LIMIT:,} bytes in UTF-8"
        return f"Values can have at most {limit}. This one has {size:,}. Shorten it."
    if "{{" in text and "}}" in text:
        return (
            "Parameter Store rejects values that contain both {{ and }}. Write the value in "
            "another form."
        )
    return ""
