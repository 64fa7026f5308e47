"""Starts a command as the process of a unit: with its system calls, families and capabilities.

    python -m tests.support.deploy.hardened UNIT triagedesk-command...

Namespaces (other file systems, other users) are left out: they need a systemd.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import ROOT, run_program

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 24, 38, 65
LAST_CAPABILITY = 40
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
ALLOW, REFUSE, EQUAL = 0x7FFF0000, 0x00050000 | errno.EPERM, 4


class Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp` of libseccomp."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def values_of(unit: Path, name: str) -> list[str]:
    """The words of all lines `name=…` of a unit."""
    lines = unit.read_text(encoding="utf-8").splitlines()
    found = [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]
    return " ".join(found).split()


def allowed_calls(unit: Path) -> set[str]:
    """The system calls that SystemCallFilter= leaves: sets first added, then taken away."""
    allowed: set[str] = set()
    takes_away = False
    for word in values_of(unit, "SystemCallFilter"):
        takes_away = word.startswith("~") or (takes_away and word.startswith("@"))
        calls = set(expand(word.removeprefix("~")))
        allowed = allowed - calls if takes_away else allowed | calls
    return allowed


def expand(word: str) -> Iterator[str]:
    """The calls of a set, as this machine's systemd knows it."""
    if not word.startswith("@"):
        yield word
        return
    said = run_program("systemd-analyze", "syscall-filter", word).stdout
    for line in said.splitlines()[1:]:
        if line.strip() and not line.strip().startswith("#"):
            yield from expand(line.strip())


def restrict(unit: Path) -> None:
    """Give up for good what the unit gives up."""
    assert values_of(unit, "SystemCallErrorNumber") == ["EPERM"]
    assert values_of(unit, "CapabilityBoundingSet") == []
    calls = allowed_calls(unit) | {"execve"}
    system = ctypes.CDLL(None, use_errno=True)
    for capability in range(LAST_CAPABILITY + 1):
        system.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    assert system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    if values_of(unit, "MemoryDenyWriteExecute") == ["yes"]:
        system.prctl(PR_SET_MDWE, 1, 0, 0, 0)  # unknown to kernels before 6.3
    load_filter(calls, [FAMILIES[name] for name in values_of(unit, "RestrictAddressFamilies")])


def load_filter(calls: set[str], families: list[int]) -> None:
    """Refuse every other call, and sockets of other families, with EPERM."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(REFUSE)))
    for call in calls - {"socket"}:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            assert library.seccomp_rule_add(rules, ctypes.c_uint32(ALLOW), number, 0) == 0
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        only = Comparison(0, EQUAL, family, 0)
        args = (rules, ctypes.c_uint32(ALLOW), number, 1, ctypes.byref(only))
        assert library.seccomp_rule_add_array(*args) == 0
    assert library.seccomp_load(rules) == 0


def main() -> None:
    unit, *words = sys.argv[1:]
    restrict(ROOT / "deploy" / unit)
    os.umask(0o077)
    os.execv(sys.executable, [sys.executable, *words])


if __name__ == "__main__":
    main()
