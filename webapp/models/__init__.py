"""The database models, one file for each group of tables. Importing this package registers all."""

from webapp.models.alert import Alert
from webapp.models.audit import AuditEvent
from webapp.models.connection import ApiExchange, Connection
from webapp.models.csv_upload import CsvUpload
from webapp.models.desk import Asset, Board, Category, Client, Priority, Status
from webapp.models.inbox import InboxRow
from webapp.models.mapping import ExternalEntityMapping, HuntressAgent, OrganizationMapping
from webapp.models.poll_run import PollRun
from webapp.models.ticket import Comment, Ticket, TicketAsset, TicketCounter
from webapp.models.user import PasswordLink, SetupToken, User, UserSession
from webapp.models.worklist import BulkChange, SavedView

__all__ = [
    "Alert",
    "ApiExchange",
    "Asset",
    "AuditEvent",
    "Board",
    "BulkChange",
    "Category",
    "Client",
    "Comment",
    "Connection",
    "CsvUpload",
    "ExternalEntityMapping",
    "HuntressAgent",
    "InboxRow",
    "OrganizationMapping",
    "PasswordLink",
    "PollRun",
    "Priority",
    "SavedView",
    "SetupToken",
    "Status",
    "Ticket",
    "TicketAsset",
    "TicketCounter",
    "User",
    "UserSession",
]
