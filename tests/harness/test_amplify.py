"""The fake Amplify refuses what Amplify refuses, and reports requests that no client sends."""

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.moto import REGION
from tests.fixtures.waiting import until

IN_MAP = "environmentVariables"


@pytest.fixture
def plain(amplify: AmplifyServer) -> Any:
    """Return a boto3 client that sends each request once, of an account with one app."""
    amplify.add_app("dshop", variables={"OLD": "x"}, auto_branch_variables={"STAGE": "x"})
    amplify.add_branch("dshop", "main")
    config = Config(retries={"total_max_attempts": 1})
    return boto3.session.Session().client("amplify", region_name=REGION, config=config)


def refusal(call: Any, **parameters: Any) -> str:
    """Return the error code of a call."""
    with pytest.raises(ClientError) as failure:
        call(**parameters)
    return str(failure.value.response["Error"]["Code"])


def test_it_works(amplify: AmplifyServer, plain: Any) -> None:
    before = plain.get_app(appId="dshop")["app"]
    after = plain.update_app(appId="dshop", environmentVariables={"NEW": "y"})["app"]
    assert after[IN_MAP] == amplify.variables("dshop") == {"NEW": "y"}
    assert after["updateTime"] > before["updateTime"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {IN_MAP, "updateTime"}
    assert amplify.requests()[1] == {
        "operation": "UpdateApp",
        "parameters": {"appId": "dshop", IN_MAP: {"NEW": "y"}},
    }


@pytest.mark.parametrize("sent", [{}, None])
def test_an_empty_map_changes_nothing(amplify: AmplifyServer, plain: Any, sent: Any) -> None:
    parameters = {} if sent is None else {IN_MAP: sent}
    plain.update_app(appId="dshop", **parameters)
    assert amplify.variables("dshop") == {"OLD": "x"}


def test_the_blank_key_clears(amplify: AmplifyServer, plain: Any) -> None:
    plain.update_app(appId="dshop", environmentVariables={" ": ""})
    assert amplify.variables("dshop") == {}


@pytest.mark.parametrize("key", ["", "AWS_REGION", "AWS"])
def test_keys_that_amplify_refuses(amplify: AmplifyServer, plain: Any, key: str) -> None:
    variables = {key: "x", "OTHER": "x"}
    refused = "BadRequestException"
    assert refusal(plain.update_app, appId="dshop", environmentVariables=variables) == refused
    assert (
        refusal(
            plain.update_branch, appId="dshop", branchName="main", environmentVariables=variables
        )
        == refused
    )
    assert amplify.variables("dshop") == {"OLD": "x"}


@pytest.mark.parametrize(
    "parameters",
    [
        {IN_MAP: {"K" * 256: "x"}},
        {IN_MAP: {"K": "x" * 5501}},
        {"buildSpec": "x" * 25_001},
        {"platform": "MAINFRAME"},
    ],
    ids=["long key", "long value", "long build spec", "unknown word"],
)
def test_limits_of_the_model(
    amplify: AmplifyServer, plain: Any, parameters: dict[str, Any]
) -> None:
    assert refusal(plain.update_app, appId="dshop", **parameters) == "BadRequestException"
    assert len(amplify.violations()) == 1
    amplify.forget_requests()


def test_the_third_map(amplify: AmplifyServer, plain: Any) -> None:
    config = {IN_MAP: {"STAGE": "y"}}
    app = plain.update_app(appId="dshop", autoBranchCreationConfig=config)["app"]
    assert app["autoBranchCreationConfig"][IN_MAP] == {"STAGE": "y"}
    assert app[IN_MAP] == {"OLD": "x"}


@pytest.mark.parametrize(
    ("call", "size"), [("list_apps", 101), ("list_branches", 51), ("list_jobs", 51)]
)
def test_pages_that_are_too_large(amplify: AmplifyServer, plain: Any, call: str, size: int) -> None:
    parameters = {
        "list_branches": {"appId": "dshop"},
        "list_jobs": {"appId": "dshop", "branchName": "main"},
    }
    asked = {**parameters.get(call, {}), "maxResults": size}
    assert refusal(getattr(plain, call), **asked) == "BadRequestException"
    amplify.forget_requests()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/apps/dshop/webhooks", None),
        ("DELETE", "/apps/dshop", None),
        ("GET", "/apps/dshop?secret=x", None),
        ("GET", "/apps/dshop/branches/feature/login", None),
        ("POST", "/apps/dshop", {"appId": "dshop"}),
        ("POST", "/apps/dshop", {"variables": {}}),
        ("POST", "/apps/dshop", {IN_MAP: {"KEY": 1}}),
        ("POST", "/apps/dshop/branches/main/jobs", {}),
        ("GET", "/apps/SHOP", None),
        ("GET", "/apps/dshop", {}),
    ],
    ids=str,
)
def test_what_no_client_sends(amplify: AmplifyServer, method: str, path: str, body: Any) -> None:
    data = None if body is None else json.dumps(body).encode()
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/r/amplify/aws4_request"}
    request = urllib.request.Request(  # noqa: S310 - ours
        amplify.url + path, data, headers=signed, method=method
    )
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(request)  # noqa: S310 - a loopback address of ours
    failure.value.close()
    assert failure.value.code == 400
    assert len(amplify.violations()) == 1
    amplify.forget_requests()


def test_one_job_at_a_time(amplify: AmplifyServer, plain: Any) -> None:
    amplify.start_job("dshop", "main")
    asked = {"appId": "dshop", "branchName": "main", "jobType": "RELEASE"}
    assert refusal(plain.start_job, **asked) == "LimitExceededException"
    amplify.finish_job("dshop", "main", "FAILED")
    assert plain.start_job(**asked)["jobSummary"]["jobId"] == "2"


def test_steps_of_a_job(amplify: AmplifyServer) -> None:
    amplify.add_app("dshop")
    amplify.add_branch("dshop", "main")
    amplify.start_job("dshop", "main")
    statuses = [amplify.advance_job("dshop", "main") for _ in range(5)]
    assert statuses == ["PROVISIONING", "RUNNING", "RUNNING", "RUNNING", "SUCCEED"]
    assert amplify.advance_job("dshop", "main") == ""


def test_somebody_changes_it_between_two_calls(amplify: AmplifyServer, plain: Any) -> None:
    amplify.before("UpdateApp").set_variable("dshop", "BEFORE", "x")
    amplify.after("UpdateApp").set_variable("dshop", "AFTER", "x")
    plain.get_app(appId="dshop")
    assert amplify.variables("dshop") == {"OLD": "x"}
    plain.update_app(appId="dshop", environmentVariables={"MINE": "y"})
    assert amplify.variables("dshop") == {"MINE": "y", "AFTER": "x"}  # BEFORE is lost
    plain.update_app(appId="dshop", environmentVariables={"MINE": "y"})
    assert amplify.variables("dshop") == {"MINE": "y"}


def test_faults_of_one_operation(amplify: AmplifyServer, plain: Any) -> None:
    amplify.next("throttled", on="UpdateApp", times=2)
    plain.get_app(appId="dshop")
    for _ in range(2):
        assert refusal(plain.update_app, appId="dshop") == "TooManyRequestsException"
    plain.update_app(appId="dshop")
    amplify.always("lost", on="UpdateApp")
    for text in ("1", "2"):
        with pytest.raises(ConnectionClosedError):
            plain.update_app(appId="dshop", environmentVariables={"KEY": text})
        assert amplify.variables("dshop") == {"KEY": text}
    amplify.heal()
    plain.update_app(appId="dshop")


def test_a_request_that_arrives_late(amplify: AmplifyServer, hasty_client: Any) -> None:
    amplify.add_app("dshop")
    amplify.next("late")
    with pytest.raises(Exception, match="response was lost"):
        hasty_client.set_app_variables("dshop", {"KEY": "late"})
    until(lambda: amplify.count("UpdateApp") == 1)
    assert amplify.variables("dshop") == {}
    assert amplify.land() == 1
    assert amplify.variables("dshop") == {"KEY": "late"}


def test_a_misspelled_fault(amplify: AmplifyServer) -> None:
    with pytest.raises(AssertionError, match="The faults are"):
        amplify.next("throtled")


def test_an_unknown_branch(amplify: AmplifyServer, plain: Any) -> None:
    assert refusal(plain.get_branch, appId="dshop", branchName="no") == "NotFoundException"
    assert refusal(plain.list_branches, appId="dother") == "NotFoundException"
