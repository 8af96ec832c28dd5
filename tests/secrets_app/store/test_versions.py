"""Listing and reading the versions of a parameter, in both stores."""

from typing import TYPE_CHECKING

import pytest

from secrets_app.store.base import ParameterStore, SecretValue
from secrets_app.store.errors import AccessDenied, Rejected
from secrets_app.store.limits import VERSIONS_KEPT
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.stores import StoreCalls

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

PATH = "/amplify/d1/main/foo"


def test_it_works(store: ParameterStore) -> None:
    _write(store, 3)
    versions = store.versions(PATH)
    assert [it.parameter.version for it in versions] == [3, 2, 1]
    assert {it.parameter.path for it in versions} == {PATH}
    assert versions[0].parameter.modified == store.current([PATH])[PATH].modified
    assert all(it.parameter.encrypted and it.labels == () for it in versions)
    reading = store.read_version(PATH, 2)
    assert reading is not None
    assert (reading.parameter.version, reading.value) == (2, SecretValue("value 2"))
    assert reading.parameter == versions[1].parameter


def test_a_hundred_are_kept(store: ParameterStore, store_calls: StoreCalls) -> None:
    _write(store, VERSIONS_KEPT + 2)
    store_calls.clear()
    versions = [it.parameter.version for it in store.versions(PATH)]
    assert versions == list(range(VERSIONS_KEPT + 2, 2, -1))
    pages = 2 if isinstance(store, SsmStore) else 1
    assert [call["names"] for call in store_calls.entries] == [1] * pages
    assert store.read_version(PATH, 2) is None


def test_no_parameter(store: ParameterStore) -> None:
    assert store.versions(PATH) == []
    assert store.read_version(PATH, 1) is None


def test_version_that_was_never_written(store: ParameterStore) -> None:
    _write(store, 2)
    assert [store.read_version(PATH, number) for number in (0, 3)] == [None, None]


def test_another_parameter_is_not_mixed_in(store: ParameterStore) -> None:
    _write(store, 2)
    store.put(f"{PATH}/below", SecretValue("other"), overwrite=False)
    assert len(store.versions(PATH)) == 2


def test_created_again(store: ParameterStore) -> None:
    """The history of a removed parameter is gone."""
    _write(store, 3)
    store.remove([PATH])
    store.put(PATH, SecretValue("again"), overwrite=False)
    assert [it.parameter.version for it in store.versions(PATH)] == [1]
    assert store.read_version(PATH, 3) is None


@pytest.mark.parametrize("path", ["no slash", f"{PATH}:1", ""])
def test_invalid_path(store: ParameterStore, store_calls: StoreCalls, path: str) -> None:
    with pytest.raises(Rejected):
        store.versions(path)
    with pytest.raises(Rejected):
        store.read_version(path, 1)
    assert store_calls() == 0


def test_versions_are_requested_without_values(faulty: Faulty, faulty_store: SsmStore) -> None:
    _write(faulty_store, 1)
    faulty.requests.clear()
    faulty_store.versions(PATH)
    faulty_store.read_version(PATH, 1)
    history, read = faulty.requests
    assert (history.operation, history.parameters) == (
        "GetParameterHistory",
        {"Name": PATH, "WithDecryption": False, "MaxResults": 50},
    )
    assert (read.operation, read.parameters) == (
        "GetParameters",
        {"Names": [f"{PATH}:1"], "WithDecryption": True},
    )


def test_what_ssm_says_about_a_version(ssm_store: SsmStore, plain_ssm: "SSMClient") -> None:
    plain_ssm.put_parameter(Name=PATH, Value="not secret", Type="String")
    _write(ssm_store, 1, PATH + "2")
    plain_ssm.label_parameter_version(Name=PATH, ParameterVersion=1, Labels=["live", "old"])
    [plain], [secret] = ssm_store.versions(PATH), ssm_store.versions(PATH + "2")
    assert (plain.parameter.encrypted, plain.labels) == (False, ("live", "old"))
    assert (secret.parameter.key_id, secret.parameter.modified_by) == ("", "")


def test_removed_since_it_was_listed(faulty: Faulty, faulty_store: SsmStore) -> None:
    _write(faulty_store, 1)
    faulty.next(Fault.error("ParameterNotFound"))
    assert faulty_store.versions(PATH) == []


def test_access_denied(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.always(Fault.ACCESS_DENIED, on="GetParameterHistory")
    with pytest.raises(AccessDenied):
        faulty_store.versions(PATH)


def _write(store: ParameterStore, number: int, path: str = PATH) -> None:
    for version in range(1, number + 1):
        store.put(path, SecretValue(f"value {version}"), overwrite=True)
