"""The mapping table: which client each Huntress organization is."""

from collections.abc import Sequence

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from webapp.services.errors import FieldError, NotFoundError, ServiceError
from webapp.services.mapping.map_organizations import StaleMappingError
from webapp.services.mapping.save_mapping_rows import save_mapping_rows
from webapp.services.mapping.sync_now import sync_now, sync_words
from webapp.services.polling.move_tickets import move_tickets
from webapp.services.polling.ticket_recorded_incidents import (
    TicketedIncidents,
    ticket_recorded_incidents,
)
from webapp.web.access import admin_only
from webapp.web.filters import counted
from webapp.web.mapping import bulk_routes, client_routes, csv_routes  # noqa: F401 - more routes
from webapp.web.mapping.blueprint import mapping
from webapp.web.mapping.forms import SentRow, TableLinks, picked, read_rows
from webapp.web.mapping.table import Refusal, render_table
from webapp.web.viewer import require_viewer

__all__ = ["mapping"]

CONFLICT = 409


@mapping.get("")
@admin_only
def show(connection_id: int) -> ResponseReturnValue:
    """The table; its address holds search, tab, order and page."""
    return render_table(connection_id)


@mapping.post("/save")
@admin_only
def save(connection_id: int) -> ResponseReturnValue:
    """Save every row that was changed, or none; a suggestion that was pressed is only filled in."""
    rows = read_rows(request.form)
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
        return render_table(connection_id, _conflicting(rows, error, ticked)), CONFLICT
    except NotFoundError as error:
        return render_table(connection_id, Refusal(str(error), rows, picked=ticked)), CONFLICT
    flash(f"{counted(len(dirty), 'change')} saved.", "success")
    return _back(connection_id, is_saved="kept" in request.form)


@mapping.post("/sync")
@admin_only
def sync(connection_id: int) -> ResponseReturnValue:
    """Fetch the organizations of the account now."""
    try:
        result = sync_now(connection_id, actor_id=require_viewer().id)
    except NotFoundError:
        raise
    except ServiceError as error:
        flash(str(error), "error")
    else:
        flash(sync_words(result), "success")
    return _back(connection_id)


@mapping.post("/move-tickets")
@admin_only
def move(connection_id: int) -> ResponseReturnValue:
    """Move the open fallback tickets of organizations that have their client."""
    try:
        moved = move_tickets(connection_id, actor_id=require_viewer().id)
    except NotFoundError:
        raise
    except ServiceError as error:
        flash(str(error), "error")
    else:
        words = f"{counted(moved, 'open ticket')} moved to {'its' if moved == 1 else 'their'} "
        none = "There is no ticket to move any more."
        flash(words + f"client{'' if moved == 1 else 's'}." if moved else none, "success")
    return _back(connection_id)


@mapping.post("/create-tickets")
@admin_only
def create_tickets(connection_id: int) -> ResponseReturnValue:
    """Make tickets of open incidents that were only recorded."""
    try:
        result = ticket_recorded_incidents(connection_id, actor_id=require_viewer().id)
    except NotFoundError:
        raise
    except ServiceError as error:
        flash(str(error), "error")
    else:
        flash(_ticketed_words(result), "success")
    return _back(connection_id)


def _back(connection_id: int, *, is_saved: bool = False) -> ResponseReturnValue:
    """The table again; with `is_saved` the browser forgets the changes it kept over its pages."""
    anchor = "saved" if is_saved else None
    return redirect(TableLinks(connection_id, request.args).to(_anchor=anchor), 303)


def _filled(rows: Sequence[SentRow], choice: str) -> Refusal:
    """The form again, with a suggestion in its field: it is not saved yet."""
    external_id, _, name = choice.partition("|")
    changed = [
        SentRow(row.external_id, row.seen, name, row.tickets)
        if row.external_id == external_id
        else row
        for row in rows
    ]
    return Refusal("Filled in, but not saved yet.", changed, kind="info")


def _refused(rows: Sequence[SentRow], error: FieldError, ticked: frozenset[str]) -> Refusal:
    count = counted(len(error.fields), "row")
    verb = "needs" if len(error.fields) == 1 else "need"
    return Refusal(
        f"Nothing was saved yet: {count} {verb} a look.",
        rows,
        problems=error.fields,
        picked=ticked,
    )


def _conflicting(
    rows: Sequence[SentRow], error: StaleMappingError, ticked: frozenset[str]
) -> Refusal:
    count = counted(len(error.conflicts), "row was", "rows were")
    return Refusal(
        f"Nothing was saved yet: {count} changed by somebody else meanwhile. Both values are "
        "shown; saving again stores yours.",
        rows,
        conflicts={conflict.row.external_id: conflict for conflict in error.conflicts},
        picked=ticked,
    )


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
