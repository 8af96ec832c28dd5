"""Programs that the tests run in Node.js can't reach other machines. An attempt fails the run."""

import subprocess
from pathlib import Path

from tests.amplify.packages import NOWHERE, NodeHome
from tests.fixtures.node import require_node

TRIES = {
    "fetch('https://example.org/')": {"example.org"},
    "fetch('http://192.0.2.1/')": {"192.0.2.1"},
    "require('net').connect(443, 'example.org').on('error', () => {})": {"example.org"},
    "require('tls').connect({ host: '::2', port: 443 }).on('error', () => {})": {"::2"},
    f"fetch('{NOWHERE}')": set(),
}


def test_it_works(tmp_path: Path) -> None:
    require_node()
    for number, (code, hosts) in enumerate(TRIES.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        home = NodeHome(folder, NOWHERE)
        subprocess.run(["node", "--eval", code], env=home.environment, capture_output=True)
        assert home.refused_hosts() == hosts, code
