"""SSM's limits, which we enforce ourselves before any call, for every store.

SSM's message for a rejected value quotes the value, so it must not get that far. And moto, which
the tests use, enforces none of the limits.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from console.aws.limits import DEADLINE, SLOT_TIMEOUT
from console.lib.text.remarks import Remarks
from secrets_app.paths import InvalidPath, check_path
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Rejected

VALUE_LIMIT = 4096  # bytes of UTF-8, SSM's standard tier
SECRET_LIMIT = 65_536  # bytes of UTF-8, AWS Secrets Manager
REMARKS = Remarks(VALUE_LIMIT, "bytes", is_confidential=True)
VERSIONS_KEPT = 100
BATCH = 10  # names per GetParameters or DeleteParameters call
LONGEST_CALL = timedelta(seconds=SLOT_TIMEOUT + DEADLINE)
# How long a request that we no longer wait for can still be carried out. AWS documents no limit, so
# this is how long AWS's own clients wait for an answer: botocore's default read timeout.
LATEST_ARRIVAL = timedelta(seconds=60)


def check_put(path: str, value: SecretValue) -> None:
    """Raise Rejected unless `path` and `value` can be written."""
    valid_path(path)
    check_value(value)


def valid_path(path: str) -> str:
    """Return `path`, or raise Rejected if it can't name a parameter."""
    try:
        check_path(path)
    except InvalidPath as refusal:
        raise Rejected(str(refusal)) from None
    return path


def check_value(value: SecretValue) -> None:
    """Raise Rejected unless SSM accepts the value."""
    # Raised here and not in _value_problem, whose frame holds the plain text.
    if problem := _value_problem(value):
        raise Rejected(problem)


def distinct(paths: Iterable[str]) -> list[str]:
    """Return the paths in their order, without duplicates. Raises Rejected for an invalid one."""
    return list(dict.fromkeys(map(valid_path, paths)))


def batches(paths: Iterable[str], size: int = BATCH) -> Iterator[list[str]]:
    """Yield the distinct paths in lists of at most `size`. Raises Rejected for an invalid one."""
    remaining = distinct(paths)
    for start in range(0, len(remaining), size):
        yield remaining[start : start + size]


def size_problem(text: str, limit: int) -> str:
    """Return why a value can't be stored for its size or encoding, or "" if it can."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "The value is not valid Unicode text. Paste it again."
    if size == 0:
        return "Enter a value. Secrets can't be empty."
    if size > limit:
        return (
            f"Values can have at most {limit:,} bytes in UTF-8. This one has {size:,}. Shorten it."
        )
    return ""


def _value_problem(value: SecretValue) -> str:
    text = value.reveal()
    if problem := size_problem(text, VALUE_LIMIT):
        return problem
    if "{{" in text and "}}" in text:
        return (
            "Parameter Store rejects values that contain both {{ and }}. Write the value in "
            "another form."
        )
    return ""
