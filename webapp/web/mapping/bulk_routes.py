"""Changing the selected rows of the mapping table together."""

from collections.abc import Mapping, Sequence

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from webapp.domain.untrusted import clean_line
from webapp.services.errors import ConflictError, FieldError, NotFoundError
from webapp.services.mapping.list_mappings import select_all
from webapp.services.mapping.map_organizations import StaleMappingError, match_again
from webapp.services.mapping.save_mapping_rows import RowEdit, save_mapping_rows
from webapp.web.access import admin_only
from webapp.web.errors import CONFLICT
from webapp.web.filters import counted
from webapp.web.mapping.blueprint import mapping
from webapp.web.mapping.forms import (
    EVERY,
    TYPED_LENGTH,
    SentRow,
    TableLinks,
    picked,
    read_query,
    read_sent_rows,
)
from webapp.web.mapping.table import TableRefusal, move_hint, render_table
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
    """Apply one action to all selected rows, or to none if anything is wrong.

    The selected rows are those that are ticked, or all rows of the view, also on other pages.
    """
    rows = read_sent_rows(request.form)
    ticked = picked(request.form, rows)
    action = request.form.get("action", "")
    problem = _problem(rows, ticked, action)
    if problem:
        return render_table(connection_id, _refusal(problem, rows, ticked)), 400
    if action == CREATE:
        return redirect(_preview_address(connection_id, ticked), 303)
    try:
        count = _apply(connection_id, _versions(connection_id, ticked), action)
    except FieldError as error:
        sentence = next(iter(error.fields.values()))
        return render_table(connection_id, _refusal(sentence, rows, ticked)), 400
    except (ConflictError, NotFoundError) as error:
        return render_table(connection_id, _stale(error, rows, ticked)), CONFLICT
    them = "it" if count == 1 else "them"
    words = f"{counted(count, 'organization')} {WORDS[action].format(them=them)}."
    flash(words + move_hint(connection_id), "success")
    return redirect(TableLinks(connection_id, request.args).to(), 303)


def _problem(rows: Sequence[SentRow], ticked: Sequence[SentRow], action: str) -> str | None:
    if any(row.is_dirty for row in rows):
        return "Nothing was done yet: save or discard what you changed in the rows first."
    if action not in (*WORDS, CREATE):
        return "Choose what to do with the selected organizations."
    if not ticked and not _is_every():
        return "Select organizations first."
    if action == "map" and not _client():
        return 'Enter the client to map them to; for none, use "No client".'
    return None


def _versions(connection_id: int, ticked: Sequence[SentRow]) -> Mapping[str, int]:
    """The versions that the person saw of the selected rows, by organization id."""
    if _is_every():
        return select_all(connection_id, read_query(request.args), seal=request.form[EVERY])
    return {row.external_id: row.seen.version for row in ticked}


def _apply(connection_id: int, versions: Mapping[str, int], action: str) -> int:
    actor_id = require_viewer().id
    if action == MATCH:
        match_again(connection_id, list(versions), versions=versions, actor_id=actor_id)
        return len(versions)
    client = {"map": _client(), "none": ""}.get(action)
    tickets = {"exclude": False, "include": True}.get(action)
    edits = [RowEdit(key, version, client, tickets) for key, version in versions.items()]
    save_mapping_rows(connection_id, edits, actor_id=actor_id)
    return len(versions)


def _is_every() -> bool:
    return bool(request.form.get(EVERY))


def _client() -> str:
    return clean_line(request.form.get("bulk_client"), TYPED_LENGTH) or ""


def _refusal(sentence: str, rows: Sequence[SentRow], ticked: Sequence[SentRow]) -> TableRefusal:
    keys = frozenset(row.external_id for row in ticked)
    return TableRefusal(sentence, rows, picked=keys, is_every=_is_every(), bulk_client=_client())


def _stale(error: Exception, rows: Sequence[SentRow], ticked: Sequence[SentRow]) -> TableRefusal:
    """Describe the refusal; rows that somebody else changed meanwhile are no longer selected."""
    if not isinstance(error, StaleMappingError) or _is_every():
        return TableRefusal(str(error), rows, bulk_client=_client())
    stale = {conflict.row.external_id: conflict for conflict in error.conflicts}
    kept = [row for row in ticked if row.external_id not in stale]
    count = counted(len(stale), "row was", "rows were")
    return TableRefusal(
        f"Nothing was done yet: {count} changed by somebody else meanwhile and "
        f"{'is' if len(stale) == 1 else 'are'} not selected any more. Check them.",
        rows,
        conflicts=stale,
        picked=frozenset(row.external_id for row in kept),
        bulk_client=_client(),
    )


def _preview_address(connection_id: int, ticked: Sequence[SentRow]) -> str:
    links = TableLinks(connection_id, request.args)
    if _is_every():
        return links.to("mapping.preview_clients", every=1, page=None)
    return links.to("mapping.preview_clients", org=[row.external_id for row in ticked])
