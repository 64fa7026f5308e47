"""Who a process is, written so that others on its machine can tell whether it is still there.

A process id alone says little: ids are used again, and each container counts its own. Machine,
boot, process namespace, id and start time together name one process.
"""

import hashlib
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_STARTED_FIELD = 19  # of /proc/PID/stat, counted after the name, which may contain spaces
MACHINE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process. `space` names the boot and the namespace that its `pid` belongs to.

    `machine` is the machine's name and, after a slash, what tells it from others of that name.
    """

    machine: str
    space: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.machine}|{self.space}|{self.pid}|{self.started}"


def parse_identity(text: str | None) -> ProcessIdentity | None:
    """Return the process that `text` names; None where it names none."""
    parts = (text or "").split("|")
    if len(parts) != 4 or not (parts[2].isascii() and parts[2].isdigit()):
        return None
    return ProcessIdentity(parts[0], parts[1], int(parts[2]), parts[3])


def own_identity() -> ProcessIdentity:
    """Return the identity of this process."""
    pid = os.getpid()
    return ProcessIdentity(_machine(), _space(), pid, _started(pid) or "")


def is_gone(text: str | None) -> bool:
    """Whether the process that `text` names has certainly ended.

    False for a process of another machine or namespace: only its own machine can tell. A process
    from before this machine's last start has ended.
    """
    named = parse_identity(text)
    if named is None or named.machine != _machine():
        return False
    boot, _, namespace = named.space.partition("/")
    own_boot, _, own_namespace = _space().partition("/")
    if boot != own_boot:  # without its own id, it may be another machine of the same name
        return bool(boot and own_boot and not named.machine.endswith("/"))
    if namespace != own_namespace:
        return False
    return _started(named.pid) != (named.started or None)


def other_machine(text: str | None) -> str | None:
    """Return the name of the machine whose process `text` names; None where it is this one."""
    named = parse_identity(text)
    if named is None or named.machine == _machine():
        return None
    return named.machine.rpartition("/")[0]


@cache
def machine_name() -> str:
    """Return this machine's name, as people know it."""
    return platform.node().replace("|", "-")[:MACHINE_LENGTH] or "this machine"


@cache
def _machine() -> str:
    """The machine's name and a digest of its id, which must not be told to others."""
    for path in _MACHINE_IDS:
        with suppress(OSError):
            if found := path.read_bytes().strip():
                digest = hashlib.sha256(b"triagedesk" + found).hexdigest()
                return f"{machine_name()}/{digest[:16]}"
    return f"{machine_name()}/"


@cache
def _space() -> str:
    """The boot and the process namespace, as far as this system tells them."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return "/"


def _started(pid: int) -> str | None:
    """The start time of a living process, in the kernel's own count; None where it has ended.

    A zombie has ended. Systems without /proc tell only whether there is such a process.
    """
    if not _PROC.joinpath("self").exists():
        return _started_without_proc(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else rest[_STARTED_FIELD - 1]


def _started_without_proc(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return "unknown"
    return "unknown"


def is_stopped(pid: int) -> bool:
    """Whether the process exists and was stopped (SIGSTOP, a debugger): it runs no code."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in "Tt"
