"""What the bell tells a person of."""

from enum import StrEnum


class Bell(StrEnum):
    """The kinds of what concerns one person; policies call them by the same words."""

    MENTIONED = "mentioned"
    WATCHED = "watched"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
