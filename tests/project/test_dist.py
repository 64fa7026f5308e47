"""What is handed out: the wheel and the sdist, each installed where nothing else is."""

import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest

from tests.support.source_tree import ROOT
from webapp import __version__

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]


def _run(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={"TRIAGEDESK_DATA_DIR": str(cwd / "data"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both, built as `make dist` does."""
    folder = tmp_path_factory.mktemp("dist")
    words = ["-m", "build", "--sdist", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    _run(sys.executable, *words, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [path] = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Path:
    [path] = dist.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sources(sdist: Path) -> set[str]:
    """The files of the sdist, without the folder that holds them all."""
    with tarfile.open(sdist) as archive:
        files = [member.name for member in archive.getmembers() if member.isfile()]
    return {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in files}


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def _files(folder: str) -> set[str]:
    """What is in a folder of the repository, but for what running it leaves there."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", ".artifacts"} & set(path.parts)
    }


def test_wheel_holds_every_migration(names: set[str]) -> None:
    assert {f"webapp/{path}" for path in _files("migrations")} <= names


def test_wheel_holds_templates_static_files_and_the_mark_of_types(names: set[str]) -> None:
    assert _files("webapp/templates") | _files("webapp/static") | {"webapp/py.typed"} <= names


def test_wheel_holds_the_runbooks(names: set[str]) -> None:
    assert "webapp/shipped/runbooks/general.md" in _files("webapp/shipped") <= names


def test_wheel_holds_the_command(names: set[str]) -> None:
    assert {"webapp/cli/up.py", "webapp/__main__.py"} <= names
    assert any(name.endswith("entry_points.txt") for name in names)


def test_wheel_holds_nothing_that_is_not_of_the_program(names: set[str]) -> None:
    tops = {Path(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"webapp"}
    assert not [name for name in names if name.endswith((".pyc", ".db"))]


def test_wheel_holds_the_license_and_those_of_the_vendored_files(names: set[str]) -> None:
    held = {name.partition(".dist-info/licenses/")[2] for name in names}
    vendored = {name for name in _files("webapp/static/vendor") if name.endswith("/LICENSE")}
    assert vendored
    assert {"LICENSE", *vendored} <= held


def test_metadata_says_version_license_and_who(metadata: Message) -> None:
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Author"] == "Triagedesk maintainers"
    assert "version" not in PYPROJECT["project"]


def test_extra_dev_is_the_group_dev(metadata: Message) -> None:
    wanted = metadata.get_all("Requires-Dist") or []
    extra = {line.partition(";")[0] for line in wanted if line.endswith("extra == 'dev'")}
    assert extra == set(PYPROJECT["dependency-groups"]["dev"])


@pytest.mark.parametrize("folder", ["webapp", "migrations", "tests", "bench", "docs", "deploy"])
def test_sdist_holds_what_it_takes_to_build_test_and_run(sources: set[str], folder: str) -> None:
    assert _files(folder) <= sources


def test_sdist_holds_the_files_beside_the_folders(sources: set[str]) -> None:
    beside = {path.name for path in ROOT.iterdir() if path.suffix in {".md", ".py", ".txt"}}
    others = {"LICENSE", "Makefile", ".gitignore", "tools/stubs/flask_wtf/csrf.pyi"}
    assert beside | others <= sources


def test_sdist_holds_nothing_that_running_leaves(sources: set[str]) -> None:
    left = {".venv", "data", "demo-data", "dist", "build", ".git", "screenshots"}
    assert not left & {name.partition("/")[0] for name in sources}
    assert not [name for name in sources if name.endswith((".pyc", ".db"))]


@pytest.mark.parametrize("kind", ["wheel", pytest.param("sdist", marks=pytest.mark.soak)])
def test_installs_and_runs_in_a_clean_environment(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The libraries are lent from this environment, so that nothing has to be downloaded."""
    clean = tmp_path / "clean"
    _run(sys.executable, "-m", "venv", "--without-pip", clean, cwd=tmp_path)
    [packages] = clean.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    install = ["install", "--no-compile", "--no-index", "--no-deps", "--no-build-isolation"]
    archive = request.getfixturevalue(kind)
    python, command = clean / "bin" / "python", clean / "bin" / "triagedesk"
    _run(sys.executable, *PIP, "--python", python, *install, archive, cwd=tmp_path)

    where = _run(python, "-c", "import webapp; print(webapp.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(packages)
    assert "migrate" in _run(command, "--help", cwd=tmp_path)
    _run(command, "migrate", cwd=tmp_path)
    assert list((tmp_path / "data").glob("*.db"))
