"""Filling the demo's desk with clients, assets, people and the simulated Huntress account."""

from sqlalchemy import select

from webapp.models import Asset, Board, Client, Priority, Status, Ticket, User
from webapp.services.connections.connect_account import connect_account
from webapp.services.connections.routing_settings import save_routing
from webapp.services.desk.link_assets import hostname_key
from webapp.services.operations.fill_demo_notices import fill_demo_notices
from webapp.services.operations.fill_demo_work import (
    close_harmless,
    close_repeated,
    fill_demo_work,
)
from webapp.services.people.users import add_user
from webapp.services.polling.manage_polling import start_polling
from webapp.services.tickets.open_ticket import NewTicket, open_ticket
from webapp.services.transactions import reading, transaction

SignIn = tuple[str, str]
"""An e-mail address and a password."""

# "Globex" and "GLOBEX" differ only in case, so the account's "Globex" stays ambiguous. Two of the
# account's organizations have no client here and go to triage.
CLIENTS: dict[str, tuple[str, ...]] = {
    "Globex": ("GLX-DC01", "GLX-WS-0142"),
    "GLOBEX": (),
    "Müller & Söhne GmbH": ("MS-DC1", "ms-erp", "MS-CAD-01"),
    "Möller Logistik GmbH": ("ML-SRV01", "ML-TERM01"),
    "Café Nordlicht": ("NORDLICHT-KASSE1", "NORDLICHT-OFFICE"),
    "Harper Dental Group, LLC": ("HDG-DENTRIX", "HDG-XRAY", "HDG-FRONT1"),
    "Stonebridge Accounting": ("SBA-DC01", "SBA-TAX01", "SBA-LT-AN"),
    "Łódzka Drukarnia Sp. z o.o.": ("LD-SERWER", "LD-RIP01"),
    "Kestrel Property Management Inc.": ("KPM-DC01", "KPM-YARDI"),
    "Blackwood & Hale Solicitors LLP": ("BH-DC01", "BH-DMS01", "BH-LT-EHALE"),
}


WORKED, HARMLESS, REPEATED = "ticket-of-the-demo", "harmless-of-the-demo", "repeated-of-the-demo"
MANUAL_TICKETS = {
    WORKED: (
        "User reports pop-ups since this morning",
        "Told by phone. Nothing was reported by Huntress **yet**.",
        "Stonebridge Accounting",
        "SBA-TAX01",
        "PSA-20431",
    ),
    HARMLESS: (
        "Unknown remote support window at the front desk",
        "Told by phone: somebody moved the mouse, and a window said *connected*.",
        "Harper Dental Group, LLC",
        "HDG-FRONT1",
        "PSA-20428",
    ),
    REPEATED: (
        "Browser opens pages about prizes",
        "A second person at the same computer called.",
        "Stonebridge Accounting",
        "SBA-TAX01",
        "",
    ),
}
"""Title, description, client, host and PSA reference of what was opened by hand, by its form."""


def seed_demo(
    base_url: str,
    api_key: str,
    api_secret: str,
    *,
    admin: SignIn,
    helpdesk: SignIn,
    mail_port: int,
) -> None:
    """Fill a new, migrated database and start polling the account at `base_url`.

    Raises what connect_account() raises if the simulated account does not answer.
    """
    actor = _add_user(admin, "Alex Admin", "admin")
    colleague = _add_user(helpdesk, "Hana Helpdesk", "helpdesk")
    _add_clients()
    fill_demo_notices([colleague, actor], mail_port)
    connection = connect_account(
        name="", base_url=base_url, api_key=api_key, api_secret=api_secret, actor_id=actor.id
    )
    save_routing(connection.id, _routing(), actor.id)
    start_polling(connection.id, actor_id=actor.id)
    opened = {form: _open_ticket(form, actor) for form in MANUAL_TICKETS}
    fill_demo_work(opened[WORKED].id, admin=actor, colleague=colleague)
    close_harmless(opened[HARMLESS].id, actor_id=colleague.id)
    close_repeated(opened[REPEATED].id, opened[WORKED].number, actor_id=colleague.id)


def _open_ticket(form: str, actor: User) -> Ticket:
    """Open one of MANUAL_TICKETS by hand, about a host of a client."""
    title, description, client, host, reference = MANUAL_TICKETS[form]
    with reading() as session:
        client_id = session.scalar(select(Client.id).where(Client.name == client))
        board_id = session.scalar(select(Board.id).order_by(Board.id).limit(1))
        priority_id = session.scalar(select(Priority.id).where(Priority.name == "Medium"))
    wanted = NewTicket(
        title,
        description,
        client_id=client_id,
        board_id=board_id,
        priority_id=priority_id,
        host=host,
        external_reference=reference,
    )
    return open_ticket(wanted, actor_id=actor.id, form_token=form)


def _add_user(sign_in: SignIn, name: str, role: str) -> User:
    email, password = sign_in
    return add_user(email=email, name=name, role=role, password=password)


def _add_clients() -> None:
    with transaction() as session:
        for name, hostnames in CLIENTS.items():
            client = Client(name=name)
            session.add(client)
            session.flush()
            session.add_all(
                Asset(client_id=client.id, name=host, hostname_key=hostname_key(host), type="Host")
                for host in hostnames
            )


def _routing() -> dict[str, object]:
    """A complete routing with the boards and priorities of a new install, polled each minute."""
    with reading() as session:
        boards = {name: id for id, name in session.execute(select(Board.id, Board.name))}
        levels = {name: id for id, name in session.execute(select(Priority.id, Priority.name))}
        fallback = select(Client.id).where(Client.name == "Internal (unmapped security)")
        closed = select(Status.id).where(Status.is_closed).order_by(Status.position).limit(1)
        return {
            "board_id": boards["Security"],
            "fallback_board_id": boards["Security Triage"],
            "fallback_client_id": session.scalar(fallback),
            "critical_priority_id": levels["Critical"],
            "high_priority_id": levels["High"],
            "low_priority_id": levels["Low"],
            "poll_interval_minutes": 1,
            "auto_close_tickets": True,
            "closed_status_id": session.scalar(closed),
        }
