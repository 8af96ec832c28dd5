"""The Amplify policies in docs/deploy.md allow exactly the client's calls."""

import ast
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3

from console.amplify import client as amplify
from console.lib.paths import BASE_DIR
from tests.documents.test_aws_policy import listed
from tests.fixtures.amplify_server.model import OPERATIONS

ARN = "arn:aws:amplify:REGION:ACCOUNT:apps/"


def policies() -> list[Any]:
    """Return the JSON blocks of the section: the policy, and the resources of one app."""
    text = (BASE_DIR / "docs/deploy.md").read_text().partition("\n## AWS Amplify\n")[2]
    blocks = re.findall(r"```json\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
    return [json.loads(block) for block in blocks]


def allowed() -> dict[str, list[str]]:
    """Return the resources of each action."""
    return {
        action: listed(statement["Resource"])
        for statement in policies()[0]["Statement"]
        for action in listed(statement["Action"])
    }


def calls_of_the_client() -> set[str]:
    """Return the Amplify actions that the client's source calls."""
    names = boto3.client("amplify", region_name="us-east-1").meta.method_to_api_mapping
    found = {
        node.attr
        for node in ast.walk(ast.parse(Path(amplify.__file__).read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "_client"
    }
    return {names[name] for name in found}


def test_it_works() -> None:
    assert {f"amplify:{name}" for name in calls_of_the_client()} == set(allowed())
    assert calls_of_the_client() == set(OPERATIONS)  # which the fake server knows


def test_no_permission_is_wider_than_its_call_needs() -> None:
    assert {action for action in allowed() if "*" in action} == set()
    everywhere = {action for action, resources in allowed().items() if "*" in resources}
    assert everywhere == {"amplify:ListApps"}  # which supports no resource


def test_one_app() -> None:
    """The resources of one app cover its branches and jobs, and no app with a longer id."""
    some = [it.replace("APP_ID", "d1shop") for it in policies()[1]]
    for resource in ("d1shop", "d1shop/branches/feature/login", "d1shop/branches/main/jobs/1"):
        assert any(fnmatchcase(ARN + resource, one) for one in some), resource
    for resource in ("d1shopper", "d1shopper/branches/main"):
        assert not any(fnmatchcase(ARN + resource, one) for one in some), resource


def test_it_says_what_can_not_be_limited() -> None:
    text = (BASE_DIR / "docs/deploy.md").read_text()
    assert "IAM can't limit `UpdateApp` and `UpdateBranch` to variables" in text
