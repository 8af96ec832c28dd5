"""The parameter store in AWS SSM."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from console.aws.limits import CONNECT_TIMEOUT, READ_TIMEOUT
from secrets_app.store.aws_calls import AwsCalls
from secrets_app.store.base import KeptVersion, Parameter, Reading, SecretValue, Written
from secrets_app.store.errors import NotFound, OutcomeUnknown, StoreError
from secrets_app.store.instrumentation import listeners
from secrets_app.store.limits import batches, check_put, valid_path
from secrets_app.store.ssm import responses
from secrets_app.store.ssm.errors import error_for

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient
    from types_boto3_ssm.type_defs import ParameterTypeDef

T = TypeVar("T")

PAGE = 50  # parameters per DescribeParameters page
HISTORY_PAGE = 50  # versions per GetParameterHistory page
PREFIXES = 50  # values per filter of DescribeParameters
WRITES = {"put", "remove"}


class SsmStore:
    """A ParameterStore in AWS SSM. botocore's AWS_ENDPOINT_URL_SSM points it elsewhere."""

    def __init__(
        self,
        region: str,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        """Create the client, without a call. Raises Misconfigured for a bad region or endpoint."""
        self._calls = AwsCalls(
            "ssm",
            region,
            error_for,
            listeners=listeners,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )
        self._client: SSMClient = self._calls.client

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Yield the parameters under any of the path prefixes, page by page. Decrypts nothing."""
        return chain.from_iterable(self.pages(prefixes))

    def pages(self, prefixes: Iterable[str]) -> Iterator[Sequence[Parameter]]:
        """Yield the same, one page after the other. Each page is a call."""
        return chain.from_iterable(map(self._pages, [*batches(prefixes, PREFIXES)]))

    def stamps(self, prefixes: Iterable[str]) -> None:
        """Return None: AWS has no query that tells what changed."""

    def current(self, paths: Iterable[str]) -> dict[str, Parameter]:
        """Return those of `paths` that exist, by path. Decrypts nothing."""
        request = partial(self._get, "current", responses.parameter, decrypt=False)
        found = chain.from_iterable(map(request, batches(paths)))
        return {parameter.path: parameter for parameter in found}

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """Return those of `paths` that exist, decrypted, by path."""
        request = partial(self._get, "read", responses.reading, decrypt=True)
        found = chain.from_iterable(map(request, batches(paths)))
        return {reading.parameter.path: reading for reading in found}

    def versions(self, path: str) -> Sequence[KeptVersion]:
        """Return the versions that are kept, newest first. Decrypts nothing."""
        valid_path(path)
        kept: dict[int, KeptVersion] = {}
        token = ""
        while True:
            try:
                page, token = self._send("versions", 1, partial(self._history, path, token))
            except NotFound:  # removed, perhaps between two pages
                return []
            kept |= {one.parameter.version: one for one in page}
            if not token:
                return [kept[number] for number in sorted(kept, reverse=True)]

    def read_version(self, path: str, version: int) -> Reading | None:
        """Return one version, decrypted, or None if it isn't kept."""
        # GetParameters, which needs no other permission than `read`, takes a version in a name.
        name = f"{valid_path(path)}:{version}"

        def call() -> Reading | None:
            answer = self._client.get_parameters(Names=[name], WithDecryption=True)
            return responses.reading_of_version(answer, path, version)

        return self._send("read_version", 1, call)

    def put(
        self,
        path: str,
        value: SecretValue,
        *,
        overwrite: bool,
        key_id: str = "",
        advanced: bool = False,
        encrypted: bool = True,
    ) -> Written:
        """Write a value and return its version. `key_id` names a KMS key, "" the default one.

        Each version of a parameter in the Advanced tier needs `advanced`: without a tier, SSM takes
        the account's default one, and it refuses to move a parameter back. Raises AlreadyExists
        without `overwrite`, and OutcomeUnknown if the response was lost.
        """
        check_put(path, value)
        # Without a KeyId, SSM would fall back to the default key.
        more: Any = {"KeyId": key_id} if key_id else {}
        if advanced:
            more["Tier"] = "Advanced"
        # The same arguments as Amplify's own clients send, so that the parameters look the same.
        if encrypted:
            more |= {"Type": "SecureString", "Description": "Amplify Secret"}
        else:
            more["Type"] = "String"
        written = self._send(
            "put",
            1,
            lambda: responses.written(
                self._client.put_parameter(
                    Name=path,
                    Value=value.reveal(),
                    Overwrite=overwrite,
                    **more,
                )
            ),
        )
        return replace(written, may_repeat=self._calls.attempts.lost)

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Remove parameters. Return the paths that existed. Raises OutcomeUnknown."""
        removed: set[str] = set()
        for number, batch in enumerate(batches(paths)):
            try:
                removed |= self._send("remove", len(batch), partial(self._delete, batch))
            except StoreError as error:
                if number == 0:
                    raise
                # Earlier batches are gone, so an error that says "nothing changed" would be wrong.
                raise OutcomeUnknown(code=error.code) from None
        return removed

    def shared_transaction(self) -> AbstractContextManager[bool]:
        """Return a context manager that does nothing: AWS can't join a transaction."""
        return nullcontext(False)

    def ping(self) -> None:
        """Raise unless SSM answers and permits listing."""
        request = partial(
            self._client.describe_parameters,
            ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": ["/amplify"]}],
            MaxResults=1,
        )
        self._send("ping", 0, lambda: request()["Parameters"])

    def _pages(self, prefixes: Sequence[str]) -> Iterator[Sequence[Parameter]]:
        folders = tuple(f"{prefix}/" for prefix in prefixes)
        token = ""
        while True:
            request = partial(self._page, prefixes, token)
            page, token = self._send("list", len(prefixes), request)
            yield [found for found in page if found.path.startswith(folders)]
            if not token:
                return

    def _page(self, prefixes: Sequence[str], token: str) -> tuple[Sequence[Parameter], str]:
        request = partial(
            self._client.describe_parameters,
            ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": prefixes}],
            MaxResults=PAGE,
        )
        answer = request(NextToken=token) if token else request()
        page = [responses.listed(found) for found in answer["Parameters"]]
        return page, answer.get("NextToken", "")

    def _history(self, path: str, token: str) -> tuple[Sequence[KeptVersion], str]:
        request = partial(
            self._client.get_parameter_history,
            Name=path,
            WithDecryption=False,
            MaxResults=HISTORY_PAGE,
        )
        answer = request(NextToken=token) if token else request()
        page = [responses.kept_version(found, path) for found in answer["Parameters"]]
        return page, answer.get("NextToken", "")

    def _get(
        self,
        operation: str,
        parse: Callable[["ParameterTypeDef"], T],
        names: Sequence[str],
        *,
        decrypt: bool,
    ) -> Sequence[T]:
        def call() -> Sequence[T]:
            answer = self._client.get_parameters(Names=names, WithDecryption=decrypt)
            found, missing = answer["Parameters"], answer.get("InvalidParameters", [])
            responses.require_complete(names, [one["Name"] for one in found], missing)
            return [parse(one) for one in found]

        return self._send(operation, len(names), call)

    def _delete(self, names: Sequence[str]) -> set[str]:
        answer = self._client.delete_parameters(Names=names)
        deleted, missing = answer.get("DeletedParameters", []), answer.get("InvalidParameters", [])
        responses.require_complete(names, deleted, missing)
        # An earlier attempt, whose response was lost, may have removed them, or may still arrive.
        if self._calls.attempts.lost:
            raise OutcomeUnknown(code="SentTwice")
        return set(deleted)

    def _send(self, operation: str, names: int, call: Callable[[], T]) -> T:
        return self._calls.send(operation, names, call, is_write=operation in WRITES)
