"""Conversion of SSM's responses to the types of `store.base`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from secrets_app.store.base import KeptVersion, Parameter, Reading, SecretValue, Written

if TYPE_CHECKING:
    from types_boto3_ssm.type_defs import (
        GetParametersResultTypeDef,
        ParameterTypeDef,
        PutParameterResultTypeDef,
    )


def require_complete(asked: Sequence[str], found: Sequence[str], missing: Sequence[str]) -> None:
    """Raise LookupError unless a response covers each requested name: it was truncated."""
    if {*found, *missing} != set(asked):
        raise LookupError


DEFAULT_KEY = "alias/aws/ssm"


def listed(data: Any) -> Parameter:
    """Convert what DescribeParameters or GetParameterHistory says, more than GetParameters."""
    key_id, user = data.get("KeyId", ""), data.get("LastModifiedUser", "")
    return replace(
        parameter(data),
        modified_by=user if user.startswith("arn:") else "",  # other stores say "N/A"
        key_id="" if key_id.endswith(DEFAULT_KEY) else key_id,
        advanced=data.get("Tier") == "Advanced",
    )


def parameter(data: Any) -> Parameter:
    """Convert a parameter of DescribeParameters or GetParameters, without its value."""
    return Parameter(
        data["Name"],
        int(data["Version"]),
        data["LastModifiedDate"].astimezone(UTC),
        encrypted=data.get("Type", "SecureString") == "SecureString",
    )


def reading(data: "ParameterTypeDef") -> Reading:
    """Convert a parameter of GetParameters."""
    return Reading(parameter(data), SecretValue(data["Value"]))


def reading_of_version(
    data: "GetParametersResultTypeDef", path: str, version: int
) -> Reading | None:
    """Convert the response to a request for one version. None if SSM doesn't keep it.

    Raises LookupError if the response is about something else.
    """
    for found in map(reading, data["Parameters"]):
        if (found.parameter.path, found.parameter.version) == (path, version):
            return found
    if f"{path}:{version}" in data["InvalidParameters"]:
        return None
    raise LookupError


def kept_version(data: Any, path: str) -> KeptVersion:
    """Convert a version of GetParameterHistory, without its value.

    Raises LookupError if it is about another parameter.
    """
    if data["Name"] != path:
        raise LookupError
    return KeptVersion(listed(data), tuple(data.get("Labels", ())))


def written(data: "PutParameterResultTypeDef") -> Written:
    """Convert the response of PutParameter, which has no modification time, only a Date header."""
    metadata = data["ResponseMetadata"]
    return Written(
        int(data["Version"]), metadata["RetryAttempts"] + 1, _date(metadata["HTTPHeaders"])
    )


def _date(headers: Mapping[str, str]) -> datetime | None:
    # The write has succeeded, so a missing or odd header must not raise.
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (LookupError, ValueError, OverflowError):
        return None
