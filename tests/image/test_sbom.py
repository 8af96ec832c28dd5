"""`make sbom`: every package of the lock, with its hashes, as CycloneDX."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.lib.paths import BASE_DIR


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what the Makefile's recipe writes."""
    file = tmp_path_factory.mktemp("sbom") / "sbom.json"
    installed = ["--assume-old=.venv/dev", "--assume-old=requirements-dev.lock"]
    variables = [f"BIN={Path(sys.executable).parent}", f"SBOM={file}"]
    subprocess.run(["make", *installed, "sbom", *variables], cwd=BASE_DIR, check=True)
    return file.read_text()


def locked() -> set[tuple[str, str]]:
    """Return the name and version of each package in requirements.lock."""
    lock = (BASE_DIR / "requirements.lock").read_text()
    return set(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", lock, re.MULTILINE))


@pytest.mark.exhaustive
def test_it_works(text: str) -> None:
    made: dict[str, Any] = json.loads(text)
    assert made["bomFormat"] == "CycloneDX"
    root = made["metadata"]["component"]
    assert (root["type"], root["name"], root["version"]) == ("application", "branchkeep", "0.1.0")
    components = {(it["name"], it["version"]): it for it in made["components"]}
    assert set(components) == locked()
    assert len(components) > 30
    for name, version in components:
        component = components[name, version]
        assert component["purl"].startswith(f"pkg:pypi/{name}@{version}")
        hashes = [it for ref in component["externalReferences"] for it in ref.get("hashes", [])]
        assert {it["alg"] for it in hashes} == {"SHA-256"}


def test_names_no_registry_but_the_public_one(text: str) -> None:
    components = json.dumps(json.loads(text)["components"])
    assert set(re.findall(r"\w+://([^/\"]+)", components)) == {"pypi.org"}


def test_same_lock_gives_the_same_file(text: str) -> None:
    assert "timestamp" not in text
    assert "serialNumber" not in text
