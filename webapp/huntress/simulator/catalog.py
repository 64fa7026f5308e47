"""The demo account's twelve fictional companies and their sixty machines.

External addresses and MAC addresses are from ranges that are reserved for documentation (RFC 5737,
RFC 7042). Internal addresses are private, and mail domains end in `.example`.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

from webapp.huntress.simulator.rows import AccountRows, Row, iso


@dataclass(frozen=True)
class Company:
    """A fictional client of the MSP. `hosts` are written `NAME:kind` (see `_KINDS`)."""

    name: str
    key: str
    external_ip: str
    people: tuple[str, ...]
    hosts: str

    @property
    def mail_domain(self) -> str:
        return f"{self.key}.example"

    def windows_domain(self) -> str:
        return f"{self.key.upper()}.local"


COMPANIES = (
    Company(
        "Globex",
        "globex",
        "203.0.113.10",
        ("h.scorpio", "dana.whitfield", "r.okafor"),
        "GLX-DC01:dc GLX-SQL02:server GLX-WS-0117:pc GLX-WS-0142:pc GLX-LT-0031:laptop",
    ),
    Company(
        "Müller & Söhne GmbH",
        "mueller-soehne",
        "198.51.100.24",
        ("k.müller", "s.brandt", "buchhaltung"),
        "MS-DC1:dc MS-ERP:server MS-BÜRO-03:pc MS-CAD-01:pc MS-NB-07:laptop",
    ),
    Company(
        "Möller Logistik GmbH",
        "moeller-logistik",
        "198.51.100.61",
        ("disposition", "t.möller", "j.petersen"),
        "ML-SRV01:dc ML-TERM01:server ML-DISPO-1:pc ML-DISPO-2:pc ML-LAGER-4:pc",
    ),
    Company(
        "Café Nordlicht",
        "cafe-nordlicht",
        "192.0.2.77",
        ("inhaber", "kasse"),
        "NORDLICHT-KASSE1:pc NORDLICHT-KASSE2:pc NORDLICHT-OFFICE:pc Nordlichts-iMac:mac",
    ),
    Company(
        "Harper Dental Group, LLC",
        "harperdental",
        "203.0.113.88",
        ("frontdesk", "dr.harper", "billing"),
        "HDG-DENTRIX:server HDG-OP1:pc HDG-OP2:pc HDG-XRAY:pc HDG-FRONT1:pc HDG-BILLING:pc",
    ),
    Company(
        "Stonebridge Accounting",
        "stonebridgecpa",
        "192.0.2.140",
        ("p.lindgren", "amara.n", "taxteam"),
        "SBA-DC01:dc SBA-TAX01:server SBA-LT-PL:laptop SBA-LT-AN:laptop SBA-PC-RECEPTION:pc",
    ),
    Company(
        "Łódzka Drukarnia Sp. z o.o.",
        "lodzkadrukarnia",
        "198.51.100.118",
        ("a.wójcik", "prepress", "biuro"),
        "LD-SERWER:dc LD-RIP01:server LD-BIURO-1:pc LD-BIURO-2:pc LD-Prepress-Mac:mac",
    ),
    Company(
        "Riverside Veterinary Clinic, P.C.",
        "riversidevet",
        "203.0.113.164",
        ("reception", "dr.osei", "m.tran"),
        "RVC-SRV1:dc RVC-RECEPTION:pc RVC-EXAM1:pc RVC-EXAM2:pc RVC-LAB:pc",
    ),
    Company(
        "Ateliers Génevrier SARL",
        "genevrier",
        "192.0.2.201",
        ("c.génevrier", "atelier", "compta"),
        "AG-NAS-WEB:linux AG-COMPTA:pc MacBook-Pro-Chloé:mac AG-STUDIO-1:mac AG-STUDIO-2:mac",
    ),
    Company(
        "Kestrel Property Management Inc.",
        "kestrelpm",
        "203.0.113.230",
        ("leasing", "o.kowalczyk", "ap"),
        "KPM-DC01:dc KPM-YARDI:server KPM-LEASE-01:pc KPM-LEASE-02:pc KPM-LT-OK:laptop",
    ),
    Company(
        "Blackwood & Hale Solicitors LLP",
        "blackwoodhale",
        "192.0.2.33",
        ("e.hale", "r.blackwood", "conveyancing"),
        "BH-DC01:dc BH-DMS01:server BH-LT-EHALE:laptop BH-LT-RBW:laptop BH-MBP-03:mac",
    ),
    Company(
        "東雲精機株式会社",
        "shinonome-seiki",
        "198.51.100.190",
        ("k.sato", "seizo", "keiri"),
        "SNM-WEB01:linux SNM-GIT01:linux SNM-MES01:linux SNM-KEIRI-PC:pc",
    ),
)
REINSTALLED_HOST = "GLX-WS-0142"

_KINDS = {
    "dc": ("windows", "Windows Server 2022 Standard", "VMware-42 3f {0} {1} {2} 8a-d1"),
    "server": ("windows", "Windows Server 2019 Standard", "VMware-56 4d {0} {1} {2} 1b-70"),
    "pc": ("windows", "Windows 11 Pro", "{0}{1}{2}3"),
    "laptop": ("windows", "Windows 11 Pro", "PF{0}{1}{2}"),
    "mac": ("darwin", "macOS 15.5", "C02{0}{1}{2}Q6"),
    "linux": ("linux", "Ubuntu 24.04.2 LTS", "{0}{1}{2}KX"),
}


def add_companies(rows: AccountRows, rng: random.Random) -> None:
    """Add the companies and their machines; one machine has two agents, as after a reinstall.

    The second agent of `REINSTALLED_HOST` has a new id and the hostname and serial number of
    the first.
    """
    for company in COMPANIES:
        created = rows.created - timedelta(days=rng.randrange(120, 900))
        organization = rows.add_organization(
            company.name, key=company.key, created_at=created, updated_at=created
        )
        for number, entry in enumerate(company.hosts.split()):
            hostname, _, kind = entry.rpartition(":")
            _add_machine(rows, rng, company, _int(organization["id"]), hostname, kind, number)
    first = next(row for row in rows.agents() if row["hostname"] == REINSTALLED_HOST)
    again = {name: value for name, value in first.items() if name not in _NOT_COPIED}
    rows.add_agent(_int(first["organization_id"]), REINSTALLED_HOST, id=None, **again)


_NOT_COPIED = ("id", "organization_id", "hostname", "created_at", "updated_at")


def _add_machine(
    rows: AccountRows,
    rng: random.Random,
    company: Company,
    organization_id: int,
    hostname: str,
    kind: str,
    number: int,
) -> Row:
    platform, system, serial = _KINDS[kind]
    subnet = organization_id % 200
    domain = platform == "windows" and kind in ("dc", "server", "pc")
    created = rows.created - timedelta(days=rng.randrange(20, 120), minutes=rng.randrange(1440))
    return rows.add_agent(
        organization_id,
        hostname,
        platform=platform,
        os=system,
        ipv4_address=f"10.{20 + subnet % 60}.{rng.randrange(1, 9)}.{10 + number * 7}",
        external_ip=company.external_ip,
        serial_number=serial.format(*(f"{rng.randrange(256):02X}" for _ in range(3))),
        mac_addresses=[f"00:00:5e:00:53:{rng.randrange(256):02x}"],
        domain_name=company.windows_domain() if domain else None,
        last_callback_at=iso(rows.created - timedelta(seconds=rng.randrange(20, 900))),
        tags=["server"] if kind in ("dc", "server", "linux") else [],
        created_at=created,
        updated_at=rows.created - timedelta(minutes=rng.randrange(2, 300)),
    )


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"not an id: {value!r}")
    return value
