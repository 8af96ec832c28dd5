"""The AWS policies in docs/deploy.md allow exactly the store's calls, on its paths only."""

import ast
import json
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from console.lib.naming.names import PathProfile
from console.lib.paths import BASE_DIR
from secrets_app.hosting_paths import HostingConfig, HostingSecrets, hosting_name
from secrets_app.ops.doctor import PROBES
from secrets_app.paths import AllBranches, OneBranch, Sandbox, Standalone, bin_path, locate
from secrets_app.store.secrets_manager import client as secrets_manager
from secrets_app.store.ssm import client as ssm

DOCUMENT = BASE_DIR / "docs/deploy.md"


@cache
def policies() -> list[Any]:
    """Return the JSON blocks: the policy, the resources of one app, the statement for a KMS key."""
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return [json.loads(block) for block in blocks]


def calls_of_the_store(source: ModuleType = ssm, service: str = "ssm") -> set[str]:
    """Return the actions that a store's source calls on its client."""
    client = boto3.client(service, region_name="us-east-1")
    names = client.meta.method_to_api_mapping
    found = {
        node.attr
        for node in ast.walk(ast.parse(Path(str(source.__file__)).read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "_client"
    }
    return {f"{service}:{names[name]}" for name in found - {"meta"}}


def allowed() -> dict[str, set[str]]:
    """Return the resources of each action that the policy allows."""
    actions: dict[str, set[str]] = {}
    for statement in policies()[0]["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            actions.setdefault(action, set()).update(listed(statement["Resource"]))
    return actions


def listed(one_or_more: str | list[str]) -> list[str]:
    """Return a list; a policy may write a single string without brackets."""
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more


def test_it_works() -> None:
    assert calls_of_the_store() == set(allowed())
    assert "ssm:PutParameter" in allowed()


def test_no_permission_is_wider_than_its_call_needs() -> None:
    assert {action for action in allowed() if "*" in action} == set()
    everywhere = {action for action, resources in allowed().items() if "*" in resources}
    assert everywhere == {"ssm:DescribeParameters"}  # which supports no resource


def arn(path: str) -> str:
    """Return the ARN of a parameter."""
    return f"arn:aws:ssm:REGION:ACCOUNT:parameter{path}"


def paths_of(app_id: str, profile: PathProfile) -> set[str]:
    """Return the paths of a key for all branches, and for branches of all kinds of names."""
    names = ("main", "feature/login", "pr-42")
    scopes = [AllBranches(app_id), *(OneBranch(app_id, name) for name in names)]
    places = [locate(scope, "KEY", profile) for scope in scopes]
    found = {path for place in places for path in (place.primary, place.mirror) if path}
    return found | {bin_path(app_id, "1", "KEY")}


@pytest.mark.parametrize("profile", PathProfile)
def test_every_path_of_an_app(profile: PathProfile) -> None:
    """The resources of one app cover its paths, and none of an app with a longer id."""
    [every] = allowed()["ssm:PutParameter"]
    some = [it.replace("APP_ID", "d1shop") for it in policies()[1]]
    for path in paths_of("d1shop", profile):
        assert fnmatchcase(arn(path), every)
        assert any(fnmatchcase(arn(path), one) for one in some), path
    for path in paths_of("d1shopper", profile):
        assert not any(fnmatchcase(arn(path), one) for one in some), path


def test_sandbox() -> None:
    path = locate(Sandbox("@acme/web-shop", "jane"), "KEY", PathProfile.BOTH).primary
    assert fnmatchcase(path, "/amplify/acmewebshop/*")
    assert "`parameter/amplify/PROJECT/*`" in DOCUMENT.read_text()


def test_standalone_backend() -> None:
    """The resources of one identifier cover its paths, and nothing else below its folder."""
    [line] = re.findall(r"for `my-app`, `parameter(/amplify/myapp/\S+)`", DOCUMENT.read_text())
    assert fnmatchcase(locate(Standalone("my-app", "prod"), "KEY", PathProfile.BOTH).primary, line)
    assert not fnmatchcase("/amplify/myapp/jane-sandbox-0123456789/KEY", line)
    shared = policies()[1][1].replace("APP_ID", "my-app")
    assert fnmatchcase(arn(locate(AllBranches("my-app"), "KEY", PathProfile.BOTH).primary), shared)


def test_probe_parameters_of_the_doctor() -> None:
    assert f"arn:aws:ssm:REGION:ACCOUNT:parameter{PROBES}/*" in policies()[1]


def test_customer_key() -> None:
    """Parameter Store encrypts and decrypts standard parameters as the caller."""
    statement = policies()[2]
    assert statement["Action"] == ["kms:Decrypt", "kms:Encrypt"]
    assert "KeyId" in Path(ssm.__file__).read_text()
    [every] = allowed()["ssm:GetParameters"]
    assert statement["Condition"]["StringLike"] == {"kms:EncryptionContext:PARAMETER_ARN": every}


def test_self_managed_hosting() -> None:
    text = (BASE_DIR / "docs/self-managed-hosting.md").read_text()
    blocks = map(json.loads, re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    allowed = {name: it["Resource"] for it in blocks for name in listed(it["Action"])}
    of_secrets = {name for name in allowed if name.startswith("secretsmanager:")}
    assert of_secrets == calls_of_the_store(secrets_manager, "secretsmanager")
    name = hosting_name(HostingSecrets("shop", "prod"), "KEY")
    secret = f"arn:aws:secretsmanager:REGION:ACCOUNT:secret:{name}-a1b2c3"
    everywhere = {name for name, resource in allowed.items() if resource == "*"}
    assert everywhere == {"secretsmanager:ListSecrets"}
    assert all(fnmatchcase(secret, allowed[it]) for it in of_secrets)
    path = hosting_name(HostingConfig("shop"), "KEY")
    for action in ("GetParameters", "PutParameter", "DeleteParameters"):
        assert fnmatchcase(arn(path), allowed[f"ssm:{action}"])
