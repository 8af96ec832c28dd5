"""Listing by path prefix, in both stores."""

import json

import pytest

from secrets_app.store.base import ParameterStore, SecretValue
from secrets_app.store.embedded.store import EmbeddedStore
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.stores import StoreCalls

PREFIXES = ["/amplify/d1", "/amplify/shared/d1"]


def test_it_works(store: ParameterStore) -> None:
    _put(store, "/amplify/d1/main/foo", "/amplify/shared/d1/foo", "/amplify/d1/a/b/c/d/e/foo")
    store.put("/amplify/shared/d1/foo", SecretValue("again"), overwrite=True)
    listed = {parameter.path: parameter.version for parameter in store.list(PREFIXES)}
    assert listed == {
        "/amplify/d1/main/foo": 1,
        "/amplify/d1/a/b/c/d/e/foo": 1,
        "/amplify/shared/d1/foo": 2,
    }


@pytest.mark.parametrize(
    ("prefix", "other"),
    [
        ("/amplify/d1", "/amplify/d12/main/foo"),
        ("/amplify/d1", "/amplify/D1/main/foo"),
        ("/amplify/d1", "/amplify/d1"),  # the folder itself as a parameter
        ("/amplify/d1", "/x/amplify/d1/foo"),
        ("/amplify/d_", "/amplify/d1/main/foo"),  # SQL's wildcards
        ("/amplify/d-.", "/amplify/d-x/main/foo"),
        ("/amplify/shared/d1", "/amplify/shared/d1.d1/foo"),
        ("/amplify/d1/main", "/amplify/d1/Main/foo"),
    ],
)
def test_a_prefix_ends_at_a_slash(store: ParameterStore, prefix: str, other: str) -> None:
    _put(store, other, f"{prefix}/mine")
    assert [parameter.path for parameter in store.list([prefix])] == [f"{prefix}/mine"]


def test_overlapping_prefixes_list_once(store: ParameterStore) -> None:
    _put(store, "/amplify/d1/main/foo")
    prefixes = ["/amplify/d1", "/amplify/d1/main", "/amplify/d1"]
    assert len([*store.list(prefixes)]) == 1


def test_ssm_pages_are_read_lazily(
    faulty: Faulty, faulty_store: SsmStore, store_calls: StoreCalls
) -> None:
    pages = [_paths(50), _paths(120)[50:100], _paths(120)[100:]]
    for page, token in zip(pages, ["first", "second", ""], strict=True):
        faulty.next(_page(page, token))  # moto itself gives ten a page, whatever it is asked for
    listing = faulty_store.list(PREFIXES)
    assert store_calls.operations == []
    first = next(listing)
    assert store_calls.operations == ["list"]
    assert [first.path, *(parameter.path for parameter in listing)] == _paths(120)
    assert store_calls.operations == ["list"] * 3
    assert [request.parameters["MaxResults"] for request in faulty.requests] == [50] * 3
    tokens = [request.parameters.get("NextToken") for request in faulty.requests]
    assert tokens == [None, "first", "second"]


def test_parameters_outside_the_prefix_are_dropped(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.next(_page(["/amplify/d12/main/foo", "/amplify/d1/main/foo", "/amplify/d1"], ""))
    listed = [parameter.path for parameter in faulty_store.list(["/amplify/d1"])]
    assert listed == ["/amplify/d1/main/foo"]


def test_every_page_of_ssm_is_read(ssm_store: SsmStore, store_calls: StoreCalls) -> None:
    _put(ssm_store, *_paths(35))
    store_calls.clear()
    assert {parameter.path for parameter in ssm_store.list(PREFIXES)} == {*_paths(35)}
    assert store_calls.operations == ["list"] * 4  # moto's pages of ten


@pytest.mark.both_databases
def test_the_embedded_store_lists_in_one_call(
    embedded_store: EmbeddedStore, store_calls: StoreCalls
) -> None:
    _put(embedded_store, *_paths(120))
    store_calls.clear()
    assert {parameter.path for parameter in embedded_store.list(PREFIXES)} == {*_paths(120)}
    assert store_calls.operations == ["list"]


def test_more_prefixes_than_one_filter_takes(store: ParameterStore) -> None:
    _put(store, "/amplify/d0/main/foo", "/amplify/d59/main/foo")
    assert len([*store.list(f"/amplify/d{number}" for number in range(60))]) == 2


def _paths(number: int) -> list[str]:
    return [f"/amplify/d1/main/key{index}" for index in range(number)]


def _page(paths: list[str], token: str) -> Fault:
    found = [{"Name": path, "Version": 1, "LastModifiedDate": 1700000000.5} for path in paths]
    return Fault.answer(
        json.dumps({"Parameters": found} | ({"NextToken": token} if token else {})).encode()
    )


def _put(store: ParameterStore, *paths: str) -> None:
    for path in paths:
        store.put(path, SecretValue("x"), overwrite=False)
