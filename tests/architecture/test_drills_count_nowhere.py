"""Drills are made up: whatever counts tickets leaves them out, or says here why not."""

import ast
import re

from tests.support.source_tree import ROOT

SERVICES = ROOT / "webapp" / "services"
COUNTS = re.compile(r"func\.count\(")
TICKETS = re.compile(r"\bTicket\b")
LEAVES_OUT = re.compile(r"is_no_drill\(\)|(Ticket|Alert)\.is_drill|\*_COUNTS")

COUNTS_DRILLS = {
    "connections/connection_figures.py: _organizations": "it counts organizations",
    "desk/edit_statuses.py: _check_switch": "a drill's status is in use, too",
    "notices/read_outbox.py: read_outbox": "it counts messages",
    "operations/dashboard_figures.py: median_durations": "_durations leaves them out",
    "operations/response_figures.py: times_taken": "_counts leaves them out",
    "polling/move_tickets.py: _count_movable": "a drill has no organization and is never moved",
    "proof/heal.py: _claim_ticket": "it counts the incidents of one ticket",
    "recovery/settle_restore.py: _raise_numbers": "a drill's ticket has a number, too",
    "retention/delete_old_records.py: _count": "a drill's ticket is deleted like others",
    "tickets/live/untouched_criticals.py: tell_criticals": "_waits leaves them out",
    "tickets/watching/read_watchers.py: read_ticket_people": "it counts items of bells",
    "tickets/search_tickets.py: _few_that_fit": "it finds tickets; lists count them",
    "tickets/search_tickets.py: _fits_sqlite": "it finds tickets; lists count them",
}
"""Functions that count tickets, drills included, and why."""


def test_who_counts_tickets_leaves_drills_out() -> None:
    found = set()
    for path in SERVICES.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                part = ast.get_source_segment(text, node) or ""
                if COUNTS.search(part) and TICKETS.search(part) and not LEAVES_OUT.search(part):
                    found.add(f"{path.relative_to(SERVICES).as_posix()}: {node.name}")
    assert found == set(COUNTS_DRILLS)
