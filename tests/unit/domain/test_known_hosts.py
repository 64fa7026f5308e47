"""Which known hosts become assets: each machine once, and none that is an asset already."""

import pytest

from webapp.domain.known_hosts import Host, find_new_hosts

ACME, OTHER = 1, 2


def names(known: list[Host], assets: list[Host]) -> list[tuple[str, str | None]]:
    return [(host.name, host.serial_number) for host in find_new_hosts(known, assets)]


@pytest.mark.parametrize(
    ("known", "asset", "is_new"),
    [
        (("PC-1", None), ("pc-1 ", None), False),
        (("PC-1", "S1"), ("pc-1", None), False),
        (("PC-1", None), ("pc-1", "S1"), False),
        (("PC-1", "s1"), ("pc-1", "S1"), False),
        (("PC-1", "S2"), ("pc-1", "S1"), True),
        (("PC-NEW", "S1"), ("PC-OLD", "s1"), False),
        (("PC-2", None), ("PC-1", None), True),
    ],
)
def test_hostname_then_serial_number(
    known: tuple[str, str | None], asset: tuple[str, str | None], is_new: bool
) -> None:
    assert bool(names([Host(ACME, *known)], [Host(ACME, *asset)])) is is_new
    assert names([Host(ACME, *known)], [Host(OTHER, *asset)]), "another client's asset"


def test_a_machine_with_several_agents_is_one_asset() -> None:
    known = [Host(ACME, "pc-1"), Host(ACME, "PC-1", "S1"), Host(ACME, "pc-1", "S1")]
    assert names(known, []) == [("PC-1", "S1")]


def test_a_number_that_machines_share_does_not_make_them_one() -> None:
    known = [Host(ACME, f"VM-{number}", "Default string") for number in range(3)]
    assert len(names(known, [Host(ACME, "VM-0", "Default string")])) == 2
