"""Amplify's own packages: the client of deployed backends, and the command line `ampx`."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.fixtures.commands import CommandResult
from tests.fixtures.line_server import LineServer
from tests.fixtures.moto import REGION
from tests.fixtures.node import install
from tests.fixtures.speed.once import prepared_once

HERE = Path(__file__).parent
CLIENT = HERE / "client"
NOWHERE = "http://127.0.0.1:9/"  # a port that nothing listens on


def client_packages() -> Path:
    """Return a folder with the packages of tests/amplify/client, installed once for a test run."""
    folder = prepared_once("amplify", lambda draft: install(CLIENT, draft / "client"))
    return folder / "client"


class Refused(Exception):
    """Raised with the name of the error that Amplify's client raised."""


class NodeHome:
    """A home folder for Node's programs, with AWS credentials, from which they call only moto."""

    def __init__(self, folder: Path, aws_url: str) -> None:
        self._refused = folder / "refused-hosts"
        self._refused.touch()
        credentials = folder / "credentials"
        credentials.write_text(
            "[default]\naws_access_key_id=testing\naws_secret_access_key=testing\n"
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "NODE_OPTIONS": f'--require="{HERE / "loopback.cjs"}"',
            "REFUSED_HOSTS": str(self._refused),
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_REGION": REGION,
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AMPLIFY_DISABLE_TELEMETRY": "1",
            "AMPLIFY_BACKEND_NOTICES_ENDPOINT": NOWHERE,
            "npm_config_user_agent": "npm/11",  # ampx refuses to run without a package manager
            "NODE_NO_WARNINGS": "1",
            "NO_COLOR": "1",
            "TZ": "UTC",
        }

    def refused_hosts(self) -> set[str]:
        """Return the other machines that programs tried to reach."""
        return set(self._refused.read_text().split())


class SecretClient:
    """@aws-amplify/backend-secret in a Node process: `client("listSecrets", identifier)`."""

    def __init__(self, server: LineServer) -> None:
        self._server = server

    def __call__(self, operation: str, *inputs: Any) -> Any:
        """Return what the client returns, as JSON; raise Refused if it raises."""
        answer = json.loads(self._server(json.dumps([operation, *inputs])))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]


class Ampx:
    """Amplify's command line: `ampx(folder, "sandbox", "secret", "list")`."""

    def __init__(self, program: Path, home: NodeHome) -> None:
        self._program, self._home = program, home

    def __call__(self, folder: Path, *words: str, stdin: str = "") -> CommandResult:
        """Run it in a project's folder."""
        done = subprocess.run(
            ["node", self._program, *words],
            input=stdin.encode(),
            cwd=folder,
            env=self._home.environment,
            capture_output=True,
        )
        return CommandResult(done.returncode, done.stdout.decode(), done.stderr.decode())
