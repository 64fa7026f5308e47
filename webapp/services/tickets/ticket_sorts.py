"""The orders of the ticket list."""

from webapp.models import Priority, Ticket
from webapp.services.keyset import Keyset, Order

BY_PRIORITY = "priority"
BY_DUE = "due"
"""Only tickets that are due have a place in this order."""

NEWEST = Order(Ticket.reported_at, "reported_at", descending=True)
HIGHEST_ID = Order(Ticket.id, "id", descending=True)
SORTS: dict[str, Keyset] = {
    BY_PRIORITY: Keyset(Order(Priority.position, "priority.position"), NEWEST, HIGHEST_ID),
    "newest": Keyset(NEWEST, HIGHEST_ID),
    "oldest": Keyset(Order(Ticket.reported_at, "reported_at"), Order(Ticket.id, "id")),
    BY_DUE: Keyset(Order(Ticket.due_at, "due_at"), Order(Ticket.id, "id")),
    "updated": Keyset(Order(Ticket.updated_at, "updated_at", descending=True), HIGHEST_ID),
}
DEFAULT_SORTS = {False: BY_PRIORITY, True: "updated"}
