"""`make run-connected` starts a console beside a fake Amplify and SSM, and cleans up after it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import requests

from console.lib.paths import BASE_DIR
from tests import connected
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.moto import REGION, Moto
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import LONGEST


@pytest.mark.exhaustive
@pytest.mark.slow
def test_it_works(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "PORT": str(free_port())}
    command = [sys.executable, "-u", "-m", "tests.connected"]
    with subprocess.Popen(
        command, cwd=BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            text = ""
            while "Set up Branchkeep here" not in text:
                line = process.stdout.readline()
                assert line, f"It ended after: {text}"
                text += line
            [link] = re.findall(r"(http\S+/setup/\S+)", text)
            assert requests.get(link, timeout=LONGEST).status_code == 200
            [fake, app_id] = re.findall(r"tests.connected (\S+) (\S+)", text)[0]
            connected.change(fake, app_id, "API_URL", "https://elsewhere.example")
            changed = AmplifyServer(fake).variables(app_id)
            assert changed["API_URL"] == "https://elsewhere.example"
        finally:
            process.terminate()
    assert process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == []
    with pytest.raises(requests.ConnectionError):
        requests.get(link, timeout=LONGEST)


def moto_paths(moto: Moto) -> list[str]:
    """Return the paths of the parameters on the first page."""
    client = boto3.session.Session().client("ssm", region_name=REGION, endpoint_url=moto.url)
    return [found["Name"] for found in client.describe_parameters()["Parameters"]]


def test_the_sample_account(amplify: AmplifyServer, moto: Moto) -> None:
    connected.fill_amplify(amplify)
    connected.fill_ssm(moto)
    assert "/amplify/d1a2b3webshop/main-branch-" in str(moto_paths(moto))
    client = boto3.session.Session().client("amplify", region_name=REGION)
    apps = client.list_apps(maxResults=100)["apps"]
    assert [app["name"] for app in apps] == ["Web shop", "Website", "Internal tools"]
    branches = client.list_branches(appId=connected.SHOP, maxResults=50)["branches"]
    assert [branch["stage"] for branch in branches] == [
        *("PRODUCTION", "DEVELOPMENT", "EXPERIMENTAL", "PULL_REQUEST")
    ]
    statuses = [job["summary"]["status"] for job in amplify.jobs(connected.SHOP, "main")]
    assert statuses == ["SUCCEED", "FAILED", "SUCCEED"]
    assert amplify.jobs(connected.SHOP, "develop")[0]["summary"]["status"] == "PENDING"
