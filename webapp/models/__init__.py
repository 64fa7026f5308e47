"""The database models, one file for each group of tables. Importing this package registers all."""

from webapp.models.alert import Alert
from webapp.models.attachment import Attachment, AttachmentChunk, AttachmentContent
from webapp.models.audit import AuditEvent, AuditForward, AuditLink, AuditPruning, AuditSeal
from webapp.models.backup import Backup, Restore
from webapp.models.clocks import OpeningHours, TimeTarget
from webapp.models.connection import ApiExchange, Connection
from webapp.models.csv_upload import CsvUpload
from webapp.models.desk import Asset, Board, Category, Client, Priority, Status
from webapp.models.inbox import InboxRow
from webapp.models.indicator import Indicator
from webapp.models.mapping import ExternalEntityMapping, HuntressAgent, OrganizationMapping
from webapp.models.on_call import OnCallMember, OnCallOverride, OnCallRotation
from webapp.models.outbox import Escalation, OutboxRow, TakeLink
from webapp.models.policy import ClientMute, NotificationSettings, Policy, PolicyStep
from webapp.models.poll_run import PollRun
from webapp.models.retention import Erasure, RetentionAge
from webapp.models.runbook import CannedNote, Runbook, RunbookVersion, TicketRunbook, TicketStep
from webapp.models.sign_in import (
    AuthenticatorApp,
    Passkey,
    PendingSignIn,
    RecoveryCode,
    SecurityNote,
    SignInThrottle,
)
from webapp.models.target import Target
from webapp.models.ticket import Comment, CommentVersion, Ticket, TicketAsset, TicketCounter
from webapp.models.ticket_link import TicketLink
from webapp.models.user import Device, PasswordLink, SetupToken, User, UserSession
from webapp.models.watch import Alarm, Drill, Proof, WatcherRound
from webapp.models.watching import BellItem, TicketWatcher
from webapp.models.worklist import BulkChange, SavedView

__all__ = [
    "Alarm",
    "Alert",
    "ApiExchange",
    "Asset",
    "Attachment",
    "AttachmentChunk",
    "AttachmentContent",
    "AuditEvent",
    "AuditForward",
    "AuditLink",
    "AuditPruning",
    "AuditSeal",
    "AuthenticatorApp",
    "Backup",
    "BellItem",
    "Board",
    "BulkChange",
    "CannedNote",
    "Category",
    "Client",
    "ClientMute",
    "Comment",
    "CommentVersion",
    "Connection",
    "CsvUpload",
    "Device",
    "Drill",
    "Erasure",
    "Escalation",
    "ExternalEntityMapping",
    "HuntressAgent",
    "InboxRow",
    "Indicator",
    "NotificationSettings",
    "OnCallMember",
    "OnCallOverride",
    "OnCallRotation",
    "OpeningHours",
    "OrganizationMapping",
    "OutboxRow",
    "Passkey",
    "PasswordLink",
    "PendingSignIn",
    "Policy",
    "PolicyStep",
    "PollRun",
    "Priority",
    "Proof",
    "RecoveryCode",
    "Restore",
    "RetentionAge",
    "Runbook",
    "RunbookVersion",
    "SavedView",
    "SecurityNote",
    "SetupToken",
    "SignInThrottle",
    "Status",
    "TakeLink",
    "Target",
    "Ticket",
    "TicketAsset",
    "TicketCounter",
    "TicketLink",
    "TicketRunbook",
    "TicketStep",
    "TicketWatcher",
    "TimeTarget",
    "User",
    "UserSession",
    "WatcherRound",
]
