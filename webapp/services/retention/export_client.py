"""Everything that is stored of a client, as a ZIP file that is written while it is read."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from webapp import clock
from webapp.domain.security.events import Export
from webapp.models import (
    Alert,
    Asset,
    Attachment,
    AttachmentContent,
    Board,
    Client,
    ClientMute,
    Comment,
    CommentVersion,
    Connection,
    HuntressAgent,
    Indicator,
    OrganizationMapping,
    OutboxRow,
    Priority,
    Status,
    Ticket,
    TicketLink,
    TicketRunbook,
    User,
)
from webapp.services.audit_trail.record_aside import record_export
from webapp.services.errors import NotFoundError
from webapp.services.lookups import get_row
from webapp.services.retention.archive import (
    ArchiveFile,
    ArchiveList,
    Record,
    write_zip_archive,
)
from webapp.services.retention.client_scope import (
    is_agent_of,
    is_incident_of,
    is_message_of,
    is_of_client,
)
from webapp.services.retention.erasures import CLIENT
from webapp.services.retention.export_steps import STEP_NUMBER, select_steps, with_step_words
from webapp.services.retention.sections import Query, read_section
from webapp.services.tickets.attachments.contents import read_content
from webapp.services.transactions import reading

README = """Everything that Triagedesk stored of the client {name}, as of {time} UTC.

Each list is here twice: .json has everything, .csv is for spreadsheets. Times are UTC.

client          the client itself
organizations   the organizations of Huntress accounts that belong to it
assets, agents  its machines, here and at Huntress
tickets, notes  its tickets with everything in their timelines
links           which tickets its tickets were linked to
indicators      indicators of compromise that its reports name
checklists      the runbooks of its tickets as they were attached
steps           which steps of these are done, by whom and when
incidents       what Huntress reported; the report as it was sent is in the .json only
files           the names, sizes and hashes of the files on its tickets; the files themselves
                are in the folder "files", by ticket
messages        what was told of its tickets, and to which targets
mutes           times in which nobody was told of its tickets
"""

REPORTS_AT_ONCE = 50
"""Reports may be large: so many are read at once."""


def export_client(client_id: int, *, actor_id: int | None = None) -> Iterator[bytes]:
    """Return the bytes of the ZIP file; the audit log has an event before the first of them.

    Raises NotFoundError.
    """
    with reading() as session:
        name = get_row(session, Client, client_id, f"There is no client {client_id}.").name
    record_export(Export.CLIENT, actor_id=actor_id, subject_type=CLIENT, subject_id=client_id)
    now = clock.utcnow()
    readme = README.format(name=name, time=f"{now:%Y-%m-%d %H:%M}")
    sections = list_client_sections(client_id)
    return write_zip_archive(readme, sections, now, _read_files(client_id))


def list_client_sections(client_id: int) -> list[ArchiveList]:
    """Return the lists of a client's export."""
    return [
        read_section("client", _of_client(client_id), Client.id),
        read_section("organizations", _of_organizations(client_id), OrganizationMapping.id),
        read_section("assets", _of_assets(client_id), Asset.id),
        read_section("agents", _of_agents(client_id), HuntressAgent.id),
        read_section("tickets", _of_tickets(client_id), Ticket.id),
        read_section("notes", _of_notes(client_id), Comment.id),
        read_section("links", _of_links(client_id), TicketLink.id),
        read_section("indicators", _of_indicators(client_id), Indicator.id),
        read_section("former_notes", _of_former_notes(client_id), CommentVersion.id),
        read_section("checklists", _of_checklists(client_id), TicketRunbook.id),
        read_section("steps", _of_steps(client_id), STEP_NUMBER, change=with_step_words),
        read_section(
            "incidents",
            _of_incidents(client_id),
            Alert.id,
            only_json=("report", "all_remediations"),
            change=_with_report,
            size=REPORTS_AT_ONCE,
        ),
        read_section("files", _of_files(client_id), Attachment.id),
        read_section("messages", _of_messages(client_id), OutboxRow.id),
        read_section("mutes", _of_mutes(client_id), ClientMute.id),
    ]


def _of_client(client_id: int) -> Query:
    return select(
        Client.id, Client.name, Client.is_active, Client.notes, Client.external_reference
    ).where(Client.id == client_id)


def _of_organizations(client_id: int) -> Query:
    return (
        select(
            OrganizationMapping.id,
            Connection.name.label("connection"),
            OrganizationMapping.external_id.label("organization_id"),
            OrganizationMapping.name,
            OrganizationMapping.creates_tickets,
            OrganizationMapping.agents_count,
            OrganizationMapping.last_incident_at,
            OrganizationMapping.created_at,
        )
        .join(Connection, Connection.id == OrganizationMapping.connection_id)
        .where(OrganizationMapping.client_id == client_id)
    )


def _of_assets(client_id: int) -> Query:
    return select(
        Asset.id,
        Asset.name,
        Asset.type,
        Asset.serial_number,
        Asset.asset_tag,
        Asset.is_active,
    ).where(Asset.client_id == client_id)


def _of_agents(client_id: int) -> Query:
    return select(
        HuntressAgent.id,
        HuntressAgent.external_id.label("agent_id"),
        HuntressAgent.organization_external_id.label("organization_id"),
        HuntressAgent.hostname,
        HuntressAgent.os,
        HuntressAgent.internal_ip,
        HuntressAgent.external_ip,
        HuntressAgent.serial_number,
        HuntressAgent.last_callback_at,
    ).where(is_agent_of(client_id))


def _of_tickets(client_id: int) -> Query:
    return (
        select(
            Ticket.id,
            Ticket.number,
            Ticket.title,
            Ticket.description,
            Board.name.label("board"),
            Status.name.label("status"),
            Priority.name.label("priority"),
            User.name.label("assignee"),
            Ticket.source,
            Ticket.source_reference.label("incident_id"),
            Ticket.external_reference,
            Ticket.external_url,
            Ticket.subject_name.label("host_or_identity"),
            Ticket.subject_user.label("user"),
            Ticket.raised_severity,
            Ticket.reported_at,
            Ticket.created_at,
            Ticket.updated_at,
            Ticket.first_touched_at,
            Ticket.closed_at,
            Ticket.reopened_at,
            Ticket.close_reason,
            Ticket.waiting_until,
            Ticket.waiting_reason,
            Ticket.touch_due_at,
            Ticket.close_due_at,
        )
        .join(Board, Board.id == Ticket.board_id)
        .join(Status, Status.id == Ticket.status_id)
        .join(Priority, Priority.id == Ticket.priority_id)
        .outerjoin(User, User.id == Ticket.assignee_id)
        .where(is_of_client(client_id))
    )


def _of_notes(client_id: int) -> Query:
    return (
        select(
            Comment.id,
            Ticket.number.label("ticket"),
            User.name.label("author"),
            Comment.kind,
            Comment.body,
            Comment.created_at,
            Comment.edited_at,
        )
        .join(Ticket, Ticket.id == Comment.ticket_id)
        .outerjoin(User, User.id == Comment.author_id)
        .where(is_of_client(client_id))
    )


def _of_links(client_id: int) -> Query:
    near, far = aliased(Ticket), aliased(Ticket)
    its_tickets = select(Ticket.id).where(is_of_client(client_id))
    return (
        select(
            TicketLink.id,
            near.number.label("ticket"),
            TicketLink.kind.label("is"),
            far.number.label("of"),
            User.name.label("linked_by"),
            TicketLink.created_at,
        )
        .join(near, near.id == TicketLink.from_id)
        .join(far, far.id == TicketLink.to_id)
        .outerjoin(User, User.id == TicketLink.created_by_id)
        .where(or_(TicketLink.from_id.in_(its_tickets), TicketLink.to_id.in_(its_tickets)))
    )


def _of_indicators(client_id: int) -> Query:
    return (
        select(Indicator.id, Ticket.number.label("ticket"), Indicator.kind, Indicator.value)
        .join(Ticket, Ticket.id == Indicator.ticket_id)
        .where(is_of_client(client_id))
    )


def _of_files(client_id: int) -> Query:
    return (
        select(
            Attachment.id,
            Ticket.number.label("ticket"),
            Attachment.comment_id.label("note"),
            Attachment.name,
            AttachmentContent.size,
            Attachment.sha256,
            User.name.label("author"),
            Attachment.created_at,
        )
        .join(Ticket, Ticket.id == Attachment.ticket_id)
        .join(Attachment.content)
        .outerjoin(User, User.id == Attachment.author_id)
        .where(is_of_client(client_id))
    )


def _of_checklists(client_id: int) -> Query:
    return (
        select(
            TicketRunbook.id,
            Ticket.number.label("ticket"),
            TicketRunbook.name,
            TicketRunbook.version,
            TicketRunbook.body,
            TicketRunbook.attached_at,
        )
        .join(Ticket, Ticket.id == TicketRunbook.ticket_id)
        .where(is_of_client(client_id))
    )


def _of_former_notes(client_id: int) -> Query:
    """What notes said before their authors edited them; `note` is the id among the notes."""
    return (
        select(
            CommentVersion.id,
            Ticket.number.label("ticket"),
            Comment.id.label("note"),
            CommentVersion.body,
            CommentVersion.replaced_at,
        )
        .join(Comment, Comment.id == CommentVersion.comment_id)
        .join(Ticket, Ticket.id == Comment.ticket_id)
        .where(is_of_client(client_id))
    )


def _read_files(client_id: int) -> Iterator[ArchiveFile]:
    """Return the files on the client's tickets; one that is removed meanwhile is cut short."""
    for row in read_section("files", _of_files(client_id), Attachment.id).read():
        path = f"files/{row['ticket']}/{row['id']} {row['name']}"
        yield ArchiveFile(path, _until_removed(row["sha256"]))


def _until_removed(sha256: str) -> Iterator[bytes]:
    with suppress(NotFoundError):
        yield from read_content(sha256)


def _of_steps(client_id: int) -> Query:
    return select_steps().where(is_of_client(client_id))


def _of_incidents(client_id: int) -> Query:
    return (
        select(
            Alert.id,
            Connection.name.label("connection"),
            Alert.external_alert_id.label("incident_id"),
            select(Ticket.number)
            .where(Ticket.id == Alert.ticket_id)
            .scalar_subquery()
            .label("ticket"),
            Alert.status,
            Alert.severity,
            Alert.reason.label("no_ticket_because"),
            Alert.message.label("subject"),
            Alert.organization_external_id.label("organization_id"),
            Alert.agent_external_id.label("agent_id"),
            Alert.device_name,
            Alert.triggered_at,
            Alert.resolved_at,
            Alert.processed_at,
            Alert.kinds,
            Alert.is_isolated,
            Alert.steps_total,
            Alert.steps_left,
            Alert.raw_report.label("report"),
            Alert.all_remediations,
        )
        .join(Connection, Connection.id == Alert.connection_id)
        .where(is_incident_of(client_id))
    )


def _of_messages(client_id: int) -> Query:
    return select(
        OutboxRow.id,
        select(Ticket.number)
        .where(Ticket.id == OutboxRow.ticket_id)
        .scalar_subquery()
        .label("ticket"),
        OutboxRow.event,
        OutboxRow.target_name.label("target"),
        OutboxRow.state,
        OutboxRow.created_at,
        OutboxRow.sent_at,
        OutboxRow.facts,
    ).where(is_message_of(client_id))


def _of_mutes(client_id: int) -> Query:
    return select(
        ClientMute.id,
        ClientMute.reason,
        ClientMute.starts_at,
        ClientMute.until,
        ClientMute.ended_at,
    ).where(ClientMute.client_id == client_id)


def _with_report(row: dict[str, Any]) -> Record:
    """Return the row with its report as JSON, or as the text that it is."""
    return {**row, **{name: _parsed(row[name]) for name in ("report", "all_remediations")}}


def _parsed(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
