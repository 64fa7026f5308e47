"""Which hosts that Huntress knows are not among the assets yet."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of a client, as an agent or an asset names it."""

    client_id: int
    name: str
    serial_number: str | None = None

    @property
    def name_key(self) -> tuple[int, str]:
        """The client and the hostname, regardless of case."""
        return self.client_id, _folded(self.name)

    @property
    def serial_key(self) -> tuple[int, str]:
        """The client and the serial number, regardless of case; empty where there is none."""
        return self.client_id, _folded(self.serial_number or "")


def find_new_hosts(known: Iterable[Host], assets: Iterable[Host]) -> list[Host]:
    """Return the known hosts that no asset of the same client stands for, each once.

    An asset stands for a host of the same hostname, unless both have serial numbers and these
    differ. It also stands for a host of another hostname with the same serial number, which was
    renamed, unless several machines share that number, as some makers leave it empty.
    """
    hosts = sorted(known, key=lambda host: not host.serial_number)  # the better known ones first
    assets = list(assets)
    names_of_serial = _names_of_serial([*hosts])
    assets_of_serial = _names_of_serial(assets)
    serials_of_name: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for asset in assets:
        serials_of_name[asset.name_key].add(asset.serial_key[1])
    new: list[Host] = []
    for host in hosts:
        serial = host.serial_key[1]
        is_renamed = (
            bool(serial)
            and len(names_of_serial[host.serial_key]) == 1
            and len(assets_of_serial[host.serial_key]) == 1
        )
        if is_renamed or _is_named(serials_of_name[host.name_key], serial):
            continue
        serials_of_name[host.name_key].add(serial)
        new.append(host)
    return sorted(new, key=lambda host: (host.client_id, _folded(host.name), host.serial_key))


def _is_named(serials: Collection[str], serial: str) -> bool:
    """Whether a machine of the same hostname with one of these serial numbers is this one."""
    return bool(serials) and (not serial or "" in serials or serial in serials)


def _names_of_serial(hosts: Iterable[Host]) -> defaultdict[tuple[int, str], set[str]]:
    found: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for host in hosts:
        found[host.serial_key].add(host.name_key[1])
    return found


def _folded(text: str) -> str:
    return text.strip().casefold()
