"""`make run-connected`: try a connected console without AWS.

It runs beside a fake Amplify and moto's SSM, both with a sample account, and with a database of
its own. Everything is deleted when it stops.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import NoReturn

import boto3

from console.lib.naming.names import PathProfile
from console.lib.paths import BASE_DIR
from secrets_app.paths import AllBranches, OneBranch, locate
from tests.fixtures import amplify, moto
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.moto import Moto

SECONDS_PER_STEP = "4"  # of a deployment
SHOP, SITE, TOOLS = "d1a2b3webshop", "d4c5d6website", "d7e8f9tools"
BUILD_SPEC = """\
version: 1
backend:
  phases:
    build:
      commands:
        - npx ampx pipeline-deploy --branch $AWS_BRANCH --app-id $AWS_APP_ID
frontend:
  phases:
    build:
      commands:
        - npm run build
  artifacts:
    baseDirectory: .next
    files:
      - '**/*'
"""
SECRETS = (  # app, branch or all branches, key
    (SHOP, "", "SENDGRID_API_KEY"),
    (SHOP, "", "STRIPE_SECRET_KEY"),
    (SHOP, "main", "DATABASE_URL"),
    (SHOP, "main", "STRIPE_SECRET_KEY"),
    (SHOP, "develop", "DATABASE_URL"),
    (SITE, "main", "CMS_TOKEN"),
)
HELP = """\
A fake Amplify and a fake SSM run beside Branchkeep, each with a sample account. Nothing leaves this
machine, and everything is deleted at Ctrl-C. Set Branchkeep up with the link below, then choose
Import apps. To change a variable as somebody else in Amplify's console:
  .venv/bin/python -m tests.connected {url} {app} API_URL https://example.org
"""


def main() -> None:
    """Run everything until a signal. PORT chooses another port than 8000."""
    signal.signal(signal.SIGTERM, _stop)
    folder = tempfile.mkdtemp(prefix="branchkeep-connected-")
    os.environ["TESTS_FOLDER"] = folder
    try:
        with moto.running() as ssm, amplify.running(SECONDS_PER_STEP) as fake:
            fill_amplify(fake)
            fill_ssm(ssm)
            print(HELP.format(url=fake.url, app=SHOP), flush=True)
            serve(folder, ssm, fake)
    except KeyboardInterrupt:
        pass
    finally:
        shutil.rmtree(folder)


def fill_amplify(fake: AmplifyServer) -> None:
    """Create the apps, their branches, variables and deployments."""
    fake.add_app(
        SHOP,
        "Web shop",
        repository="https://github.com/example/web-shop",
        production_branch="main",
        variables={
            "API_URL": "https://api.shop.example/v1",
            "IMAGE_CDN_URL": "https://img.shop.example",
            "LOG_LEVEL": "warn",
            "NEXT_PUBLIC_NEW_CHECKOUT": "false",
            "_BUILD_TIMEOUT": "30",
        },
        auto_branch_variables={"LOG_LEVEL": "trace"},
        build_spec=BUILD_SPEC,
    )
    fake.add_branch(SHOP, "main", variables={"NEXT_PUBLIC_NEW_CHECKOUT": "true"})
    fake.add_branch(SHOP, "develop", variables={"API_URL": "https://api.dev.shop.example/v1"})
    fake.add_branch(SHOP, "feature/login", stage="EXPERIMENTAL")
    fake.add_branch(
        SHOP,
        "pr-42",
        stage="PULL_REQUEST",
        source_branch="feature/login",
        destination_branch="main",
    )
    fake.add_app(
        SITE,
        "Website",
        repository="https://github.com/example/website",
        production_branch="main",
        variables={"CMS_URL": "https://cms.example"},
    )
    fake.add_branch(SITE, "main")
    fake.add_branch(SITE, "staging", stage="BETA", variables={"CMS_URL": "https://cms.test"})
    fake.add_app(TOOLS, "Internal tools", repository="https://github.com/example/tools")
    fake.add_branch(TOOLS, "main", stage="PRODUCTION", build_spec=BUILD_SPEC)
    for branch, status, message in (
        ("main", "SUCCEED", "Show taxes in the cart"),
        ("main", "FAILED", "Upgrade Next.js"),
        ("main", "SUCCEED", "Pin Next.js"),
        ("feature/login", "CANCELLED", "Sign in with a passkey"),
    ):
        fake.start_job(SHOP, branch, message=message)
        fake.finish_job(SHOP, branch, status)
    fake.start_job(SHOP, "develop", message="Try the new checkout")


def fill_ssm(ssm: Moto) -> None:
    """Create secrets as Amplify's own tools do, and one of a branch that no longer exists."""
    client = boto3.session.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name=moto.REGION
    ).client("ssm", endpoint_url=ssm.url)
    paths = []
    for app_id, branch, key in SECRETS:
        scope = OneBranch(app_id, branch) if branch else AllBranches(app_id)
        location = locate(scope, key, PathProfile.BOTH)
        paths += [path for path in (location.primary, location.mirror) if path]
    gone = OneBranch(SHOP, "feature/old")
    paths.append(locate(gone, "DATABASE_URL", PathProfile.BACKEND).primary)
    for path in paths:
        client.put_parameter(
            Name=path, Value="a-sample-value", Type="SecureString", Description="Amplify Secret"
        )


def serve(folder: str, ssm: Moto, fake: AmplifyServer) -> None:
    """Run the console, which prints its link, until it ends."""
    kept = ("PATH", "HOME", "LANG", "TERM", "PORT")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": f"sqlite:///{folder}/console.sqlite3",
        "PARAMETER_STORE": "ssm",
        "AMPLIFY": "on",
        "AWS_REGION": moto.REGION,
        "AWS_ENDPOINT_URL_SSM": ssm.url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": ssm.url,
        "AWS_ENDPOINT_URL_AMPLIFY": fake.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "console.server.start"]
    with subprocess.Popen(command, cwd=BASE_DIR, env=environment) as process:
        try:
            sys.exit(process.wait())
        finally:
            process.terminate()


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def change(url: str, app_id: str, key: str, value: str, branch: str = "") -> None:
    """Set a variable in the fake Amplify, as somebody else."""
    AmplifyServer(url).set_variable(app_id, key, value, branch)


if __name__ == "__main__":
    change(*sys.argv[1:]) if sys.argv[1:] else main()
