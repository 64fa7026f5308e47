"""The bulk changes that a person made last, for the list to offer to undo them."""

from flask import session

from webapp.services.tickets.undo_offers import UndoOffer, read_undo_offers

UNDO = "bulk_change"
"""The session key for the ids of the bulk changes that were made last."""

OFFERED_AT_ONCE = 3


def note_bulk_change(bulk_id: int) -> None:
    """Let the list offer to undo a bulk change that was just made."""
    session[UNDO] = [*session.get(UNDO, ()), bulk_id][-OFFERED_AT_ONCE:]


def undo_offers(viewer_id: int) -> list[UndoOffer]:
    """What the viewer made last and can still undo; what is over is forgotten."""
    noted = session.get(UNDO, [])
    offers = read_undo_offers(noted, viewer_id=viewer_id)
    if noted and not offers:
        session.pop(UNDO)
    return offers
