"""Named values in AWS Secrets Manager, as `ampx secret` keeps them."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from secrets_app.store.aws_calls import AwsCalls
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import (
    Conflict,
    NotFound,
    OutcomeUnknown,
    Rejected,
    StoreError,
)
from secrets_app.store.limits import SECRET_LIMIT, size_problem
from secrets_app.store.named_values import NamedValue
from secrets_app.store.secrets_manager.errors import LABEL, MESSAGES, error_for

PAGE = 100  # secrets per page of ListSecrets
CURRENT = "AWSCURRENT"  # the label of the version that readers get
PREPARED = "BRANCHKEEP"  # the label of a version that is about to become current
BINARY = (
    "This secret holds binary data, which Branchkeep can't show. Read it with the AWS CLI, or set "
    "a new value."
)
CHANGED = "This secret has changed since you opened it. Reload to see its state, then save again."


class SecretsManager:
    """NamedValues in AWS Secrets Manager. AWS_ENDPOINT_URL_SECRETS_MANAGER points it elsewhere."""

    can_restore = True
    lists_late = True  # by five minutes, says AWS

    def __init__(self, region: str) -> None:
        """Create the client, without a call. Raises Misconfigured for a bad region or endpoint."""
        self._calls = AwsCalls("secretsmanager", region, error_for, messages=MESSAGES, label=LABEL)
        self._client = self._calls.client

    def list(self, folder: str) -> Iterator[NamedValue]:
        """Yield the secrets below a folder, also those scheduled for deletion. Never values."""
        token = ""
        while True:
            page, token = self._calls.send("list", 1, partial(self._page, folder, token))
            yield from (found for found in page if found.name.startswith(f"{folder}/"))
            if not token:
                return

    def find(self, name: str) -> NamedValue | None:
        """Return a secret's metadata, also if it is scheduled for deletion."""
        try:
            data = self._calls.send(
                "describe", 1, lambda: self._client.describe_secret(SecretId=name)
            )
        except NotFound:
            return None
        return _described(data)

    def read(self, name: str) -> tuple[NamedValue, SecretValue]:
        """Return a secret with the string of its current version.

        Raises NotFound, and Rejected for binary data or one that is scheduled for deletion.
        """

        def call() -> tuple[NamedValue, SecretValue | None]:
            data = self._client.get_secret_value(SecretId=name, VersionStage=CURRENT)
            text = data.get("SecretString")
            found = NamedValue(data["Name"], data["VersionId"], data.get("CreatedDate"))
            return found, None if text is None else SecretValue(text)

        found, value = self._calls.send("read", 1, call)
        if value is None:
            raise Rejected(BINARY, code="BinarySecret")
        return found, value

    def create(self, name: str, value: SecretValue) -> str:
        """Create a secret and return its version. Raises AlreadyExists or OutcomeUnknown."""
        token = _checked(value)
        return self._write(
            "create",
            lambda: self._client.create_secret(
                Name=name, SecretString=value.reveal(), ClientRequestToken=token
            ),
        )

    def replace(self, found: NamedValue, value: SecretValue, *, is_guarded: bool) -> str:
        """Write a secret's next version and return it. Raises OutcomeUnknown.

        The version is first stored beside the current one. Then one call makes it current if that
        of `found` still is. Otherwise, raises Conflict, even without `is_guarded`: a request that
        arrives late must not replace a newer value.
        """
        token = _checked(value)
        has_current = bool(found.version)
        version = self._write(
            "put",
            lambda: self._client.put_secret_value(
                SecretId=found.name,
                SecretString=value.reveal(),
                ClientRequestToken=token,
                VersionStages=[PREPARED if has_current else CURRENT],
            ),
            is_write=not has_current,  # nobody reads a version that isn't current
        )
        if has_current:
            self._make_current(found, version)
        return version

    def remove(self, found: NamedValue) -> None:
        """Schedule a secret for deletion, after Secrets Manager's own recovery window."""
        request = partial(self._client.delete_secret, SecretId=found.name)
        self._calls.send("remove", 1, lambda: request()["Name"], is_write=True)

    def restore(self, found: NamedValue) -> None:
        """Cancel a secret's deletion."""
        request = partial(self._client.restore_secret, SecretId=found.name)
        self._calls.send("restore", 1, lambda: request()["Name"], is_write=True)

    def _make_current(self, found: NamedValue, version: str) -> None:
        move = partial(self._client.update_secret_version_stage, SecretId=found.name)
        try:
            self._calls.send(
                "make_current",
                1,
                lambda: move(
                    VersionStage=CURRENT,
                    RemoveFromVersionId=found.version,
                    MoveToVersionId=version,
                )["Name"],
                is_write=True,
            )
        except OutcomeUnknown:
            # A repeated request is refused if the lost one was carried out.
            if not self._is_current(found.name, version):
                raise
        except Rejected as refusal:
            # Without a label, Secrets Manager eventually deletes the version. If another writer has
            # moved the label to their own version, there is nothing to do.
            with suppress(StoreError):
                self._calls.send(
                    "discard", 1, lambda: move(VersionStage=PREPARED, RemoveFromVersionId=version)
                )
            raise Conflict(CHANGED, code=refusal.code) from None

    def _is_current(self, name: str, version: str) -> bool:
        """Return True if this version is certainly the current one."""
        try:
            found = self.find(name)
        except StoreError:
            return False
        return found is not None and found.version == version

    def _write(self, operation: str, request: Any, *, is_write: bool = True) -> str:
        # The token makes it one write, however often botocore repeats the request.
        return str(
            self._calls.send(operation, 1, lambda: request()["VersionId"], is_write=is_write)
        )

    def _page(self, folder: str, token: str) -> tuple[Sequence[NamedValue], str]:
        answer = self._client.list_secrets(
            Filters=[{"Key": "name", "Values": [f"{folder}/"]}],
            MaxResults=PAGE,
            IncludePlannedDeletion=True,
            **({"NextToken": token} if token else {}),
        )
        page = [_described(data) for data in answer["SecretList"]]
        return page, answer.get("NextToken") or ""


def _described(data: Any) -> NamedValue:
    """Convert a secret of ListSecrets or DescribeSecret, which name versions differently."""
    labels = data.get("VersionIdsToStages") or data.get("SecretVersionsToStages") or {}
    version = next((it for it, stages in labels.items() if CURRENT in stages), "")
    return NamedValue(
        data["Name"],
        version,
        data.get("LastChangedDate") or data.get("CreatedDate"),
        removed=data.get("DeletedDate") is not None,
    )


def _checked(value: SecretValue) -> str:
    """Return a new token for a write. Raises Rejected for a value that can't be stored."""
    if problem := size_problem(value.reveal(), SECRET_LIMIT):
        raise Rejected(problem)
    return str(uuid.uuid4())
