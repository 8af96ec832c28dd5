"""Server code reads a branch's secrets with a compute role: page, policy and example."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from console.lib.paths import BASE_DIR
from console.models import Branch
from secrets_app.server_rendering import compute_access
from tests.amplify.packages import client_packages
from tests.factories import set_secret
from tests.fixtures.moto import REGION, Moto
from tests.fixtures.people import World

PAGE = "/apps/d1shop/hosting/secrets/server-rendering/"
EXAMPLE = BASE_DIR / "docs" / "examples" / "secrets.server.mjs"
Clients = Callable[[str], Client]
ALL_SECRETS = "console.log(JSON.stringify(Object.fromEntries(await secrets())))"


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server-code")
    (folder / "node_modules").symlink_to(client_packages() / "node_modules")
    (folder / EXAMPLE.name).write_bytes(EXAMPLE.read_bytes())
    return folder


def run_server_code(packages: Path, moto: Moto, code: str, folders: str) -> Any:
    """Run code that imports the example, as a server in Amplify would. Return the process."""
    program = f'import {{ secret, secrets }} from "./{EXAMPLE.name}";\n{code}'
    keys = ("PATH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    environment = {name: os.environ[name] for name in keys} | {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL_SSM": moto.url,
        "SECRET_FOLDERS": folders,
    }
    command = ["node", "--input-type=module", "--eval", program]
    return subprocess.run(command, cwd=packages, env=environment, capture_output=True, text=True)


def texts_to_copy(html: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'copy-text">(.*?)</code>', html, re.DOTALL)]


def test_it_works(world: World, client_for: Clients, console_on_ssm: Moto, packages: Path) -> None:
    for number in range(12):  # more than a page of GetParametersByPath
        set_secret(world, f"KEY_{number}", f"for all {number}")
    set_secret(world, "KEY_3", "own\nvalue, with = and 'quotes'", world.dev)
    set_secret(world, "ONLY_MAIN", "another branch's", world.main)
    page = client_for("vera").get(
        f"/apps/d1shop/hosting/secrets/server-rendering/?branch={world.dev.pk}"
    )
    *_, line = texts_to_copy(page.text)
    done = run_server_code(
        packages, console_on_ssm, ALL_SECRETS, line.removeprefix("SECRET_FOLDERS=")
    )
    assert done.returncode == 0, done.stderr
    expected = {f"KEY_{number}": f"for all {number}" for number in range(12)}
    assert json.loads(done.stdout) == expected | {"KEY_3": "own\nvalue, with = and 'quotes'"}


def test_policy_covers_what_is_read(world: World, client_for: Clients) -> None:
    page = client_for("vera").get(
        f"/apps/d1shop/hosting/secrets/server-rendering/?branch={world.main.pk}"
    )
    trust, policy, line = map(str, texts_to_copy(page.text))
    assert json.loads(trust)["Statement"][0]["Principal"] == {"Service": "amplify.amazonaws.com"}
    (statement,) = json.loads(policy)["Statement"]
    folders = line.removeprefix("SECRET_FOLDERS=").split(",")
    assert folders == ["/amplify/d1shop/main-branch-" + folders[0][-10:], "/amplify/shared/d1shop"]
    assert statement["Resource"] == [
        f"arn:aws:ssm:us-east-1:*:parameter{folder}{end}"
        for folder in folders
        for end in ("", "/*")
    ]
    assert {action.partition(":")[2] for action in statement["Action"]} == {
        "GetParametersByPath",
        "GetParameters",
        "GetParameter",
    }


def test_branch_without_overrides(world: World, client_for: Clients) -> None:
    page = client_for("vera").get(PAGE)
    assert texts_to_copy(page.text)[-1] == "SECRET_FOLDERS=/amplify/shared/d1shop"


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-central-1", "aws")],
)
def test_partition_of_the_region(world: World, region: str, partition: str) -> None:
    world.app.region = region
    (statement,) = compute_access(world.app, world.dev).policy["Statement"]
    assert statement["Resource"][0].startswith(f"arn:{partition}:ssm:{region}:*:parameter/amplify/")


def test_branch_without_a_path(world: World, client_for: Clients) -> None:
    world.app.path_profile = "documented"
    world.app.save()
    odd = Branch.objects.create(app=world.app, name="release #2")
    page = client_for("vera").get(f"/apps/d1shop/hosting/secrets/server-rendering/?branch={odd.pk}")
    assert texts_to_copy(page.text) == []
    assert 'role="alert"' in page.text


def test_secret_that_is_not_set(console_on_ssm: Moto, packages: Path) -> None:
    code = "await secret('MISSING')"
    done = run_server_code(packages, console_on_ssm, code, "/amplify/shared/d1shop")
    assert done.returncode == 1
    assert "The secret MISSING is not set." in done.stderr


@pytest.mark.exhaustive
def test_folders_that_are_not_set(console_on_ssm: Moto, packages: Path) -> None:
    done = run_server_code(packages, console_on_ssm, ALL_SECRETS, "")
    assert done.returncode == 1
    assert "SECRET_FOLDERS is not set." in done.stderr
