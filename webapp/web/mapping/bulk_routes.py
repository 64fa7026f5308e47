"""Changing the selected rows of the mapping table together."""

from collections.abc import Sequence

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from webapp.domain.untrusted import clean_line
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.mapping.map_organizations import StaleMappingError, match_again
from webapp.services.mapping.save_mapping_rows import RowEdit, save_mapping_rows
from webapp.web.access import admin_only
from webapp.web.errors import CONFLICT
from webapp.web.filters import counted
from webapp.web.mapping.blueprint import mapping
from webapp.web.mapping.forms import TYPED_LENGTH, SentRow, TableLinks, picked, read_sent_rows
from webapp.web.mapping.table import Refusal, move_hint, render_table
from webapp.web.viewer import require_viewer

CREATE = "create"
MATCH = "match"
WORDS = {
    "map": "mapped",
    "none": "left without a client, on purpose",
    "exclude": "excluded: no new tickets are created for {them}",
    "include": "included again",
    MATCH: "matched again by name",
}


@mapping.post("/bulk")
@admin_only
def bulk(connection_id: int) -> ResponseReturnValue:
    """Apply one action to all selected rows, or to none if anything is wrong."""
    rows = read_sent_rows(request.form)
    chosen = picked(request.form, rows)
    action = request.form.get("action", "")
    if action == CREATE and chosen and not _is_dirty(rows):
        return redirect(_preview_address(connection_id, chosen), 303)
    problem = _problem(rows, chosen, action)
    if problem:
        return render_table(connection_id, _refusal(problem, rows, chosen)), 400
    try:
        _apply(connection_id, chosen, action)
    except FieldError as error:
        sentence = next(iter(error.fields.values()))
        return render_table(connection_id, _refusal(sentence, rows, chosen)), 400
    except (StaleMappingError, NotFoundError) as error:
        return render_table(connection_id, _stale(error, rows, chosen)), CONFLICT
    them = "it" if len(chosen) == 1 else "them"
    words = f"{counted(len(chosen), 'organization')} {WORDS[action].format(them=them)}."
    flash(words + move_hint(connection_id), "success")
    return redirect(TableLinks(connection_id, request.args).to(), 303)


def _is_dirty(rows: Sequence[SentRow]) -> bool:
    return any(row.is_dirty for row in rows)


def _problem(rows: Sequence[SentRow], chosen: Sequence[SentRow], action: str) -> str | None:
    if _is_dirty(rows):
        return "Nothing was done yet: save or discard what you changed in the rows first."
    if action not in (*WORDS, CREATE):
        return "Choose what to do with the selected organizations."
    if not chosen:
        return "Select organizations first."
    if action == "map" and not _client():
        return 'Enter the client to map them to; for none, use "No client".'
    return None


def _apply(connection_id: int, chosen: Sequence[SentRow], action: str) -> None:
    actor_id = require_viewer().id
    if action == MATCH:
        versions = {row.external_id: row.seen.version for row in chosen}
        match_again(connection_id, list(versions), versions=versions, actor_id=actor_id)
        return
    client = {"map": _client(), "none": ""}.get(action)
    tickets = {"exclude": False, "include": True}.get(action)
    edits = [RowEdit(row.external_id, row.seen.version, client, tickets) for row in chosen]
    save_mapping_rows(connection_id, edits, actor_id=actor_id)


def _client() -> str:
    return clean_line(request.form.get("bulk_client"), TYPED_LENGTH) or ""


def _refusal(sentence: str, rows: Sequence[SentRow], chosen: Sequence[SentRow]) -> Refusal:
    ticked = frozenset(row.external_id for row in chosen)
    return Refusal(sentence, rows, picked=ticked, bulk_client=_client())


def _stale(error: Exception, rows: Sequence[SentRow], chosen: Sequence[SentRow]) -> Refusal:
    """Describe the refusal; rows that somebody else changed meanwhile are no longer selected."""
    if not isinstance(error, StaleMappingError):
        return _refusal(str(error), rows, chosen)
    stale = {conflict.row.external_id: conflict for conflict in error.conflicts}
    kept = [row for row in chosen if row.external_id not in stale]
    count = counted(len(stale), "row was", "rows were")
    return Refusal(
        f"Nothing was done yet: {count} changed by somebody else meanwhile and "
        f"{'is' if len(stale) == 1 else 'are'} not selected any more. Check them.",
        rows,
        conflicts=stale,
        picked=frozenset(row.external_id for row in kept),
        bulk_client=_client(),
    )


def _preview_address(connection_id: int, chosen: Sequence[SentRow]) -> str:
    links = TableLinks(connection_id, request.args)
    return links.to("mapping.preview_clients", org=[row.external_id for row in chosen])
