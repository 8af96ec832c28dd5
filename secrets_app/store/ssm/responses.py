"""What SSM answers, in the types of `store.base`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from secrets_app.store.base import Parameter, Reading, SecretValue, Written

if TYPE_CHECKING:
    from types_boto3_ssm.type_defs import ParameterTypeDef, PutParameterResultTypeDef


def require_complete(asked: Sequence[str], found: Sequence[str], missing: Sequence[str]) -> None:
    """Raise where an answer doesn't tell of each name that was asked for: it was cut short."""
    if {*found, *missing} != set(asked):
        raise LookupError


def parameter(found: Any) -> Parameter:
    """Return what DescribeParameters or GetParameters tells of one, without its value."""
    return Parameter(
        found["Name"], int(found["Version"]), found["LastModifiedDate"].astimezone(UTC)
    )


def reading(found: "ParameterTypeDef") -> Reading:
    """Return what GetParameters tells of one."""
    return Reading(parameter(found), SecretValue(found["Value"]))


def written(answer: "PutParameterResultTypeDef") -> Written:
    """Return what PutParameter answers: a version, and of times the answer's own alone."""
    how = answer["ResponseMetadata"]
    return Written(int(answer["Version"]), how["RetryAttempts"] + 1, _date(how["HTTPHeaders"]))


def _date(headers: Mapping[str, str]) -> datetime | None:
    """Return when an answer was made; the value is written, so whatever cannot be read is None."""
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (LookupError, ValueError, OverflowError):
        return None
