"""The SBOM names what is installed with Triagedesk, and nothing of the tools around it."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.support.source_tree import ROOT
from webapp import __version__

VENDOR = ROOT / "webapp" / "static" / "vendor"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("sbom") / "dist" / "sbom.json"
    words = [sys.executable, "-m", "tools.sbom", str(path)]
    subprocess.run(words, cwd=ROOT, check=True, timeout=120)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sbom(text: str) -> dict[str, Any]:
    return json.loads(text)


@pytest.fixture(scope="module")
def components(sbom: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {component["name"]: component for component in sbom["components"]}


def test_is_cyclonedx_of_this_version(sbom: dict[str, Any]) -> None:
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    product = sbom["metadata"]["component"]
    assert (product["name"], product["version"]) == ("triagedesk", __version__)


def test_names_exactly_the_libraries_of_an_installation(
    components: dict[str, dict[str, Any]],
) -> None:
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.M))
    named = {name: one["version"] for name, one in components.items() if "purl" in one}
    assert named.items() <= pinned.items()
    assert {"flask", "sqlalchemy", "psycopg-binary", "rq-scheduler"} <= named.keys()
    # Pinned and not named is only what this platform does not need.
    here = {one.name.lower().replace("_", "-") for one in metadata.distributions()}
    assert not (pinned.keys() - named.keys()) & here
    assert components["flask"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]


def test_names_the_vendored_files_with_their_checksums(
    components: dict[str, dict[str, Any]],
) -> None:
    folders = {path.name for path in VENDOR.iterdir() if path.is_dir()}
    assert folders == {name for name, one in components.items() if "purl" not in one}
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    assert f"| {components['htmx']['version']} |" in readme
    recorded = {
        f"{file['hashes'][0]['content']}  {file['name']}"
        for folder in folders
        for file in components[folder]["components"]
    }
    assert recorded == set((VENDOR / "SHA256SUMS").read_text().splitlines())


def test_says_who_asks_for_what(sbom: dict[str, Any]) -> None:
    graph = {one["ref"]: one.get("dependsOn", []) for one in sbom["dependencies"]}
    flask = next(ref for ref in graph if ref.startswith("pkg:pypi/flask@"))
    assert flask in graph[f"triagedesk@{__version__}"]
    assert any(ref.startswith("pkg:pypi/werkzeug@") for ref in graph[flask])


def test_says_nothing_of_the_machine(text: str) -> None:
    assert str(ROOT) not in text
    assert str(Path.home()) not in text
    assert sys.prefix not in text
