"""The requests that our store sends to SSM, and how moto understands them."""

from typing import TYPE_CHECKING

import pytest

from secrets_app.store.base import SecretValue
from secrets_app.store.errors import AlreadyExists
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import Faulty

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

PATH = "/amplify/d1/main/foo"


def test_it_works(ssm_store: SsmStore, plain_ssm: "SSMClient") -> None:
    ssm_store.put(PATH, SecretValue("hunter2"), overwrite=False)
    [described] = plain_ssm.describe_parameters()["Parameters"]
    assert (described["Name"], described["Type"], described["Description"], described["Tier"]) == (
        *(PATH, "SecureString", "Amplify Secret", "Standard"),
    )
    assert described["KeyId"] == "alias/aws/ssm"
    assert "hunter2" not in plain_ssm.get_parameter(Name=PATH)["Parameter"]["Value"].split(":")[0]
    read = plain_ssm.get_parameter(Name=PATH, WithDecryption=True)["Parameter"]
    assert read["Value"] == "hunter2"
    assert (
        plain_ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=PATH)["TagList"] == []
    )


@pytest.mark.parametrize("overwrite", [False, True])
def test_put_sends_what_amplify_sends(
    faulty: Faulty, faulty_store: SsmStore, overwrite: bool
) -> None:
    faulty_store.put(PATH, SecretValue("hunter2"), overwrite=overwrite)
    [request] = faulty.requests
    assert request.operation == "PutParameter"
    assert request.parameters == {
        "Name": PATH,
        "Value": "hunter2",
        "Type": "SecureString",
        "Description": "Amplify Secret",
        "Overwrite": overwrite,
    }


def test_only_read_asks_for_decryption(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty_store.put(PATH, SecretValue("hunter2"), overwrite=False)
    with pytest.raises(AlreadyExists):
        faulty_store.put(PATH, SecretValue("hunter2"), overwrite=False)
    faulty_store.current([PATH])
    list(faulty_store.list(["/amplify/d1"]))
    faulty_store.ping()
    faulty_store.remove([PATH])
    assert not any(request.parameters.get("WithDecryption") for request in faulty.requests)
    faulty_store.read([PATH])
    assert faulty.requests[-1].parameters == {"Names": [PATH], "WithDecryption": True}


def test_metadata_is_requested_without_values(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty_store.current([PATH])
    list(faulty_store.list(["/amplify/d1", "/amplify/shared/d1"]))
    faulty_store.ping()
    current, listing, ping = faulty.requests
    assert current.parameters == {"Names": [PATH], "WithDecryption": False}
    assert listing.operation == ping.operation == "DescribeParameters"
    assert listing.parameters == {
        "ParameterFilters": [
            {
                "Key": "Path",
                "Option": "Recursive",
                "Values": ["/amplify/d1", "/amplify/shared/d1"],
            }
        ],
        "MaxResults": 50,
    }
    assert ping.parameters["MaxResults"] == 1
    assert ping.parameters["ParameterFilters"][0]["Values"] == ["/amplify"]


def test_ten_names_per_batch(faulty: Faulty, faulty_store: SsmStore) -> None:
    paths = [f"{PATH}{number}" for number in range(25)]
    faulty_store.read(paths)
    faulty_store.remove(paths)
    assert [len(request.parameters["Names"]) for request in faulty.requests] == [10, 10, 5] * 2


def test_a_plain_string_parameter_is_read_too(ssm_store: SsmStore, plain_ssm: "SSMClient") -> None:
    plain_ssm.put_parameter(Name=PATH, Value="not secret", Type="String")
    assert ssm_store.current([PATH])[PATH].version == 1
    assert ssm_store.read([PATH])[PATH].value == SecretValue("not secret")
