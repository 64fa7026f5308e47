"""While a page is read nothing is written but events, and in one place."""

import ast

from tests.support.source_tree import modules


def users_of(name: str) -> set[str]:
    """The modules that name something, other than where it is defined."""
    return {
        module.name
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names)
    }


def test_one_module_may_write_while_others_read() -> None:
    assert users_of("adding_only") == {"webapp.services.audit_trail.record_aside"}
    assert users_of("writable") == {"webapp.services.transactions"}


def test_it_adds_events_and_nothing_else() -> None:
    module = modules()["webapp.services.audit_trail.record_aside"]
    calls = [
        ast.unparse(node)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "adding_only"
    ]
    assert set(calls) == {"adding_only(AuditEvent)"}


def test_every_file_of_rows_is_recorded_where_it_is_sent() -> None:
    """Whoever sends one by other means would leave no trace."""
    attachments = {
        module.name
        for module in modules().values()
        if module.layer == "web"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.lower() in ("content-disposition", "text/csv")
    }
    recorded_by_their_services = {"webapp.web.retention.downloads"}
    no_rows = {"webapp.web.tickets.attachment_routes"}  # one file of a ticket, read as its page is
    assert attachments == {"webapp.web.csv_files", *recorded_by_their_services, *no_rows}
