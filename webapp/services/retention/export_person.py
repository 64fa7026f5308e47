"""Everything that is stored about a person, as one JSON document that is written while it is read.

Secrets are not in it: password, tokens and the keys of second factors are only good for signing in.
"""

from collections.abc import Iterator

from sqlalchemy import or_, select

from webapp.domain.security.events import Export
from webapp.models import (
    Attachment,
    AttachmentContent,
    AuditEvent,
    AuthenticatorApp,
    BellItem,
    BulkChange,
    Comment,
    CommentVersion,
    CsvUpload,
    Device,
    OnCallMember,
    OnCallOverride,
    OutboxRow,
    Passkey,
    PasswordLink,
    RecoveryCode,
    Runbook,
    RunbookVersion,
    SavedView,
    SecurityNote,
    TakeLink,
    Target,
    Ticket,
    TicketStep,
    TicketWatcher,
    User,
    UserSession,
)
from webapp.services.audit_trail.record_aside import record_export
from webapp.services.lookups import get_user
from webapp.services.retention.archive import ArchiveList, write_document
from webapp.services.retention.erasures import PERSON
from webapp.services.retention.export_steps import STEP_NUMBER, select_steps, with_step_words
from webapp.services.retention.sections import Query, read_section
from webapp.services.transactions import reading


def export_person(user_id: int, *, actor_id: int | None = None) -> Iterator[bytes]:
    """Return the bytes of the document; the audit log has an event before the first of them.

    Raises NotFoundError.
    """
    with reading() as session:
        get_user(session, user_id)
    record_export(Export.PERSON, actor_id=actor_id, subject_type=PERSON, subject_id=user_id)
    return write_document(list_person_sections(user_id))


def list_person_sections(user_id: int) -> list[ArchiveList]:
    """Return the lists of a person's document."""
    return [
        read_section("person", _of_person(user_id), User.id),
        read_section("sessions", _of_sessions(user_id), UserSession.id),
        read_section("devices", _of_devices(user_id), Device.id),
        *_list_factors(user_id),
        read_section("password_links", _of_links(user_id), PasswordLink.id),
        read_section("security_notes", _of_security_notes(user_id), SecurityNote.id),
        read_section("contact_methods", _of_methods(user_id), Target.id),
        read_section("saved_views", _of_views(user_id), SavedView.id),
        read_section("uploads", _of_uploads(user_id), CsvUpload.id),
        *_list_on_call(user_id),
        *_list_work(user_id),
        *_list_runbooks(user_id),
        read_section("messages", _of_messages(user_id), OutboxRow.id),
        read_section("audit_events", _of_events(user_id), AuditEvent.id),
    ]


def _of_person(user_id: int) -> Query:
    return select(
        User.id,
        User.email,
        User.name,
        User.role,
        User.is_active,
        User.time_zone,
        User.list_settings,
        User.live_settings,
        User.theme,
        User.created_at,
        User.oidc_issuer,
        User.oidc_subject,
        User.must_change_password,
        User.is_break_glass,
        User.factor_due_at,
        User.erased_at,
    ).where(User.id == user_id)


def _of_sessions(user_id: int) -> Query:
    return select(
        UserSession.id,
        UserSession.reference,
        UserSession.user_agent,
        UserSession.address,
        UserSession.method,
        UserSession.factor,
        UserSession.created_at,
        UserSession.last_seen_at,
        UserSession.present_at,
        UserSession.left_at,
        UserSession.expires_at,
        UserSession.revoked_at,
    ).where(UserSession.user_id == user_id)


def _of_devices(user_id: int) -> Query:
    return select(
        Device.id,
        Device.reference,
        Device.user_agent,
        Device.address,
        Device.created_at,
        Device.last_seen_at,
    ).where(Device.user_id == user_id)


def _list_factors(user_id: int) -> list[ArchiveList]:
    app = select(
        AuthenticatorApp.id, AuthenticatorApp.created_at, AuthenticatorApp.confirmed_at
    ).where(AuthenticatorApp.user_id == user_id)
    passkeys = select(
        Passkey.id, Passkey.name, Passkey.is_backed_up, Passkey.created_at, Passkey.last_used_at
    ).where(Passkey.user_id == user_id)
    codes = select(RecoveryCode.id, RecoveryCode.created_at, RecoveryCode.used_at).where(
        RecoveryCode.user_id == user_id
    )
    return [
        read_section("authenticator_apps", app, AuthenticatorApp.id),
        read_section("passkeys", passkeys, Passkey.id),
        read_section("recovery_codes", codes, RecoveryCode.id),
    ]


def _of_links(user_id: int) -> Query:
    return select(
        PasswordLink.id,
        PasswordLink.purpose,
        PasswordLink.created_at,
        PasswordLink.expires_at,
        PasswordLink.used_at,
    ).where(PasswordLink.user_id == user_id)


def _of_security_notes(user_id: int) -> Query:
    return select(
        SecurityNote.id,
        SecurityNote.sentence,
        SecurityNote.address,
        SecurityNote.created_at,
        SecurityNote.seen_at,
    ).where(SecurityNote.user_id == user_id)


def _of_methods(user_id: int) -> Query:
    return select(
        Target.id,
        Target.name,
        Target.kind,
        Target.settings,
        Target.created_at,
        Target.confirmed_at,
        Target.last_success_at,
    ).where(Target.user_id == user_id)


def _of_views(user_id: int) -> Query:
    return select(
        SavedView.id, SavedView.name, SavedView.query, SavedView.is_shared, SavedView.created_at
    ).where(SavedView.owner_id == user_id)


def _of_uploads(user_id: int) -> Query:
    return select(CsvUpload.id, CsvUpload.kind, CsvUpload.filename, CsvUpload.created_at).where(
        CsvUpload.owner_id == user_id
    )


def _list_on_call(user_id: int) -> list[ArchiveList]:
    places = select(OnCallMember.position.label("id"), OnCallMember.position).where(
        OnCallMember.user_id == user_id
    )
    overrides = select(
        OnCallOverride.id,
        OnCallOverride.starts_at,
        OnCallOverride.ends_at,
        OnCallOverride.reason,
        OnCallOverride.created_at,
    ).where(or_(OnCallOverride.user_id == user_id, OnCallOverride.created_by_id == user_id))
    return [
        read_section("on_call_places", places, OnCallMember.position, begins_at=-1),
        read_section("on_call_overrides", overrides, OnCallOverride.id),
    ]


def _list_work(user_id: int) -> list[ArchiveList]:
    """Return the lists of what the person has done here; clients' data is left out of them."""
    tickets = select(Ticket.id, Ticket.number, Ticket.created_at, Ticket.closed_at).where(
        Ticket.assignee_id == user_id
    )
    notes = (
        select(
            Comment.id,
            Ticket.number.label("ticket"),
            Comment.kind,
            Comment.body,
            Comment.created_at,
        )
        .join(Ticket, Ticket.id == Comment.ticket_id)
        .where(Comment.author_id == user_id)
    )
    changes = select(BulkChange.id, BulkChange.summary, BulkChange.created_at).where(
        BulkChange.actor_id == user_id
    )
    links = (
        select(TakeLink.id, Ticket.number.label("ticket"), TakeLink.created_at, TakeLink.used_at)
        .join(Ticket, Ticket.id == TakeLink.ticket_id)
        .where(TakeLink.user_id == user_id)
    )
    return [
        read_section("assigned_tickets", tickets, Ticket.id),
        read_section("notes", notes, Comment.id),
        *_list_beside_notes(user_id),
        read_section("bulk_changes", changes, BulkChange.id),
        read_section("take_links", links, TakeLink.id),
    ]


def _list_runbooks(user_id: int) -> list[ArchiveList]:
    """Return the steps that the person ticked, and the texts of runbooks that they wrote."""
    steps = select_steps().where(TicketStep.done_by_id == user_id)
    versions = (
        select(
            RunbookVersion.id,
            Runbook.name.label("runbook"),
            RunbookVersion.version,
            RunbookVersion.body,
            RunbookVersion.created_at,
        )
        .join(Runbook, Runbook.id == RunbookVersion.runbook_id)
        .where(RunbookVersion.author_id == user_id)
    )
    return [
        read_section("ticked_steps", steps, STEP_NUMBER, change=with_step_words),
        read_section("runbook_versions", versions, RunbookVersion.id),
    ]


def _of_messages(user_id: int) -> Query:
    return select(
        OutboxRow.id,
        OutboxRow.target_name.label("target"),
        OutboxRow.event,
        OutboxRow.state,
        OutboxRow.created_at,
        OutboxRow.sent_at,
    ).where(
        or_(
            OutboxRow.person_id == user_id,
            OutboxRow.target_id.in_(select(Target.id).where(Target.user_id == user_id)),
        )
    )


def _of_events(user_id: int) -> Query:
    """What the person did, and what was done to their account."""
    about = (AuditEvent.subject_type == "user") & (AuditEvent.subject_id == str(user_id))
    return select(
        AuditEvent.id,
        AuditEvent.happened_at,
        AuditEvent.action,
        AuditEvent.subject_type,
        AuditEvent.subject_id,
        AuditEvent.address,
        AuditEvent.session_ref,
        AuditEvent.device_ref,
    ).where(or_(AuditEvent.actor_id == user_id, about))


def _list_beside_notes(user_id: int) -> list[ArchiveList]:
    """Return the person's files and former notes, what they watch, and their bell."""
    files = (
        select(
            Attachment.id,
            Ticket.number.label("ticket"),
            Attachment.name,
            AttachmentContent.size,
            Attachment.created_at,
        )
        .join(Ticket, Ticket.id == Attachment.ticket_id)
        .join(Attachment.content)
        .where(Attachment.author_id == user_id)
    )
    former = (
        select(CommentVersion.id, Comment.id.label("note"), CommentVersion.body)
        .join(Comment, Comment.id == CommentVersion.comment_id)
        .where(Comment.author_id == user_id)
    )
    watched = (
        select(Ticket.id, Ticket.number, TicketWatcher.created_at.label("since"))
        .join(TicketWatcher, TicketWatcher.ticket_id == Ticket.id)
        .where(TicketWatcher.user_id == user_id)
    )
    bell = (
        select(
            BellItem.id,
            Ticket.number.label("ticket"),
            BellItem.kind,
            BellItem.created_at,
            BellItem.read_at,
        )
        .join(Ticket, Ticket.id == BellItem.ticket_id)
        .where(BellItem.user_id == user_id)
    )
    return [
        read_section("files", files, Attachment.id),
        read_section("former_notes", former, CommentVersion.id),
        read_section("watched_tickets", watched, Ticket.id),
        read_section("bell", bell, BellItem.id),
    ]
