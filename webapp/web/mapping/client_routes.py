"""Creating clients from selected organizations: first a preview, then all at once."""

from collections.abc import Mapping, Sequence

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from webapp.domain.untrusted import clean_line, parse_id
from webapp.services.errors import ConflictError, FieldError
from webapp.services.mapping.create_clients import (
    Choice,
    NewClient,
    Proposal,
    create_clients,
    propose_all_clients,
    propose_clients,
)
from webapp.services.mapping.list_mappings import list_client_names
from webapp.services.mapping.map_organizations import StaleMappingError
from webapp.web.access import admin_only
from webapp.web.errors import status_of
from webapp.web.filters import counted
from webapp.web.mapping.blueprint import mapping
from webapp.web.mapping.forms import EVERY, TYPED_LENGTH, TableLinks, read_query
from webapp.web.mapping.table import move_hint
from webapp.web.params import read_number
from webapp.web.viewer import require_viewer

CHOICE_FIELD = "choice-"


@mapping.get("/new-clients")
@admin_only
def preview_clients(connection_id: int) -> ResponseReturnValue:
    """Show what would be created, without creating anything.

    The address names the organizations, or the view of the table whose rows are all meant.
    """
    return _page(connection_id, {})


@mapping.post("/new-clients")
@admin_only
def create(connection_id: int) -> ResponseReturnValue:
    """Create and link clients as decided; after a refusal the form is shown again."""
    decisions = _read()
    typed = {one.external_id: one for one in decisions}
    try:
        result = create_clients(connection_id, decisions, actor_id=require_viewer().id)
    except FieldError as error:
        return _page(connection_id, typed, "Nothing was created yet.", error.fields), 400
    except StaleMappingError as error:
        problem = f"Nothing was created yet. {error}"
        return _page(connection_id, typed, problem), status_of(error)
    except ConflictError as error:
        return _page(connection_id, typed, str(error)), status_of(error)
    flash(
        f"{counted(result.created, 'client')} created, "
        f"{counted(result.linked, 'organization')} linked.{move_hint(connection_id)}",
        "success",
    )
    return redirect(TableLinks(connection_id, request.args).to(), 303)


def _page(
    connection_id: int,
    typed: Mapping[str, NewClient],
    problem: str | None = None,
    problems: Mapping[str, str] | None = None,
) -> str:
    wanted = list(typed) if request.method == "POST" else _wanted()
    if EVERY in request.args and request.method == "GET":
        found = propose_all_clients(connection_id, read_query(request.args))
        left_out = 0
    else:
        found = propose_clients(connection_id, wanted)
        left_out = len(set(wanted)) - len(found.shown) - found.more
    proposals = sorted(found.shown, key=lambda one: one.external_id not in (problems or {}))
    links = TableLinks(connection_id, request.args)
    return render_template(
        "mapping/new_clients.html",
        connection_id=connection_id,
        proposals=proposals,
        more=found.more,
        left_out=left_out,
        typed={one.external_id: _typed(one, typed.get(one.external_id)) for one in proposals},
        problem=problem,
        problems=problems or {},
        client_names=list_client_names() if proposals else [],
        links=links,
        action=links.to("mapping.create", org=_wanted(), every=request.args.get(EVERY)),
        choices=[(Choice.CREATE, "Create"), (Choice.LINK, "Link to"), (Choice.SKIP, "Skip")],
    )


def _typed(proposal: Proposal, typed: NewClient | None) -> dict[str, str]:
    """The values for the fields: what was typed, or else the proposal."""
    similar = proposal.similar[0] if proposal.similar else ""
    values = {"choice": str(proposal.choice), "name": proposal.name, "link": similar}
    if typed is not None:
        values["choice"] = str(typed.choice)
        values["link" if typed.choice is Choice.LINK else "name"] = typed.name
    return values


def _wanted() -> list[str]:
    return [found for value in request.args.getlist("org") if (found := parse_id(value))]


def _read() -> Sequence[NewClient]:
    """The decisions that the form holds for the organizations."""
    decisions = []
    for field_name in request.form:
        external_id = parse_id(field_name.removeprefix(CHOICE_FIELD))
        if not field_name.startswith(CHOICE_FIELD) or external_id is None:
            continue
        word = request.form[field_name]
        version = read_number(request.form.get(f"version-{external_id}"))
        if word not in list(Choice) or version is None:
            continue
        field = "link" if word == Choice.LINK else "name"
        name = clean_line(request.form.get(f"{field}-{external_id}"), TYPED_LENGTH) or ""
        decisions.append(NewClient(external_id, version, Choice(word), name))
    return decisions
