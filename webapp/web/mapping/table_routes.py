"""The mapping table, which says which client each Huntress organization belongs to."""

from collections.abc import Sequence

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from webapp.services.errors import FieldError, NotFoundError
from webapp.services.mapping.map_organizations import StaleMappingError
from webapp.services.mapping.save_mapping_rows import save_mapping_rows
from webapp.services.mapping.sync_now import sync_now, sync_words
from webapp.services.polling.move_tickets import decline_move, move_tickets
from webapp.services.polling.ticket_recorded_incidents import (
    TicketedIncidents,
    ticket_recorded_incidents,
)
from webapp.web.access import admin_only, safe_next
from webapp.web.answers import tell
from webapp.web.errors import CONFLICT, status_of
from webapp.web.filters import counted
from webapp.web.mapping.blueprint import mapping
from webapp.web.mapping.forms import SentRow, TableLinks, picked, read_sent_rows
from webapp.web.mapping.table import TableRefusal, move_hint, render_table
from webapp.web.person_limits import huntress_calls
from webapp.web.viewer import require_viewer


@mapping.get("")
@admin_only
def show(connection_id: int) -> ResponseReturnValue:
    """Show the table; the address holds search, tab, order and page."""
    return render_table(connection_id)


@mapping.post("/save")
@admin_only
def save(connection_id: int) -> ResponseReturnValue:
    """Save all changed rows or none; a pressed suggestion is only filled in."""
    rows = read_sent_rows(request.form)
    if "fill" in request.form:
        return render_table(connection_id, _filled(rows, request.form["fill"]))
    dirty = [row for row in rows if row.is_dirty]
    if not dirty:
        flash("Nothing was changed.", "info")
        return _back(connection_id)
    ticked = frozenset(row.external_id for row in picked(request.form, rows))
    try:
        save_mapping_rows(
            connection_id, [row.as_edit() for row in dirty], actor_id=require_viewer().id
        )
    except FieldError as error:
        return render_table(connection_id, _refused(rows, error, ticked)), 400
    except StaleMappingError as error:
        return render_table(connection_id, _conflicting(rows, error, ticked)), status_of(error)
    except NotFoundError as error:
        return render_table(connection_id, TableRefusal(str(error), rows, picked=ticked)), CONFLICT
    flash(f"{counted(len(dirty), 'change')} saved.{move_hint(connection_id)}", "success")
    return _back(connection_id, is_saved="kept" in request.form)


@mapping.post("/sync")
@admin_only
@huntress_calls
def sync(connection_id: int) -> ResponseReturnValue:
    """Fetch the account's organizations now."""
    tell(lambda: sync_words(sync_now(connection_id, actor_id=require_viewer().id)))
    return _back(connection_id)


@mapping.post("/move-tickets")
@admin_only
def move(connection_id: int) -> ResponseReturnValue:
    """Move open fallback tickets to the client that their organization has by now."""
    tell(lambda: _moved_words(move_tickets(connection_id, actor_id=require_viewer().id)))
    return _back(connection_id)


@mapping.post("/move-tickets/decline")
@admin_only
def decline(connection_id: int) -> ResponseReturnValue:
    """Answer the offer to move tickets with "Not now"."""
    decline_move(connection_id, actor_id=require_viewer().id)
    flash("They stay on triage. You can still move them on the page of the organizations.", "info")
    return _back(connection_id)


@mapping.post("/create-tickets")
@admin_only
def create_tickets(connection_id: int) -> ResponseReturnValue:
    """Create tickets for open incidents that were only recorded."""
    actor_id = require_viewer().id
    tell(lambda: _ticketed_words(ticket_recorded_incidents(connection_id, actor_id=actor_id)))
    return _back(connection_id)


def _back(connection_id: int, *, is_saved: bool = False) -> ResponseReturnValue:
    """Redirect to the page that the form names, or to the table.

    With `is_saved` the browser forgets the changes that it kept.
    """
    if target := request.form.get("next"):
        return redirect(safe_next(target), 303)
    anchor = "saved" if is_saved else None
    return redirect(TableLinks(connection_id, request.args).to(_anchor=anchor), 303)


def _filled(rows: Sequence[SentRow], choice: str) -> TableRefusal:
    """Return the form with a suggestion in its field; nothing is saved yet."""
    external_id, _, name = choice.partition("|")
    changed = [
        SentRow(row.external_id, row.seen, name, row.tickets)
        if row.external_id == external_id
        else row
        for row in rows
    ]
    return TableRefusal("Filled in, but not saved yet.", changed, kind="info")


def _refused(rows: Sequence[SentRow], error: FieldError, ticked: frozenset[str]) -> TableRefusal:
    count = counted(len(error.fields), "row")
    verb = "needs" if len(error.fields) == 1 else "need"
    return TableRefusal(
        f"Nothing was saved yet: {count} {verb} a look.",
        rows,
        problems=error.fields,
        picked=ticked,
    )


def _conflicting(
    rows: Sequence[SentRow], error: StaleMappingError, ticked: frozenset[str]
) -> TableRefusal:
    count = counted(len(error.conflicts), "row was", "rows were")
    return TableRefusal(
        f"Nothing was saved yet: {count} changed by somebody else meanwhile. Both values are "
        "shown; saving again stores yours.",
        rows,
        conflicts={conflict.row.external_id: conflict for conflict in error.conflicts},
        picked=ticked,
    )


def _moved_words(count: int) -> str:
    if not count:
        return "There is no ticket to move any more."
    whose = "its client" if count == 1 else "their clients"
    return f"{counted(count, 'open ticket')} moved to {whose}."


def _ticketed_words(result: TicketedIncidents) -> str:
    words = []
    if result.created:
        words.append(f"{counted(result.created, 'ticket')} created.")
    if result.requested:
        words.append(
            f"{counted(result.requested, 'ticket comes', 'tickets come')} with the next poll: "
            "the reports were not kept and are fetched from Huntress first."
        )
    return " ".join(words) or "There is no open incident without a ticket any more."
