"""docs/input.md says each limit as it is in the code, and none is missing."""

import ast
import re
from datetime import timedelta
from importlib import import_module

import pytest

from tests.support.source_tree import ROOT, modules

PAGE = (ROOT / "docs" / "input.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<limit>[^|]+) \| `(?P<where>[\w.]+)` \|$", re.MULTILINE
)
ROWS = [(found["what"], found["limit"], found["where"]) for found in ROW.finditer(PAGE)]
IS_LIMIT = re.compile(r"(MAX|MOST|LONGEST|LARGEST)_\w+|\w+_(LENGTH|LIMIT)")
TYPED_IN = (
    *("webapp.app_parts", "webapp.domain", "webapp.models", "webapp.web"),
    *("webapp.services.desk", "webapp.services.tickets", "webapp.services.notices"),
    *("webapp.services.on_call", "webapp.services.mapping", "webapp.services.polling"),
    "webapp.services.retention",
)
ELSEWHERE = ("webapp.domain.security", "webapp.domain.recovery", "webapp.web.people")
"""What signing in and backups count and take is said where these are described."""

OURS = {
    "webapp.domain.notices.compose": "how messages are cut",
    "webapp.domain.notices.masked": "what is shown of a secret address",
    "webapp.domain.notices.policy_words": "how a policy is put into words",
    "webapp.domain.notices.summary": "how much a summary names",
    "webapp.domain.watch.heartbeat": "what the heartbeat says",
    "webapp.services.tickets.indicators.read_indicators": "how much a page counts, and links to",
    "webapp.services.tickets.related_tickets": "how much a page shows",
    "webapp.domain.live.entry_words": "how an entry is cut",
    "webapp.domain.live.since": "how far back an open page is told of changes",
    "webapp.domain.live.tag": "our own tags",
    "webapp.services.tickets.live.read_news": "how many changes an open page is told of",
    "webapp.domain.retention.words": "which names are looked for",
    "webapp.models.outbox": "columns that nobody types into",
    "webapp.services.notices.read_facts": "how messages are cut",
    "webapp.services.notices.deliver_due": "how many threads deliver",
    "webapp.domain.notices.retry": "what a receiver asks for",
    "webapp.services.notices.deliver": "how long a delivery goes on",
    "webapp.services.notices.personal.mail_notes": "how often a mail is tried",
    "webapp.services.polling.process_inbox": "how much a transaction writes",
    "webapp.services.polling.fill_remediations": "how a poll spends its calls",
    "webapp.web.page_context": "the limits above, by the names that templates use",
    "webapp.web.operations.audit_words": "how much of a value is shown",
    "webapp.web.csv_files": "what the audit log says of an export",
    "webapp.web.notices.mute_routes": "what a form is filled with",
    "webapp.domain.searching.snippets": "how much of a match is shown",
    "webapp.domain.searching.report_words": "how much of a report is searched",
    "webapp.services.tickets.searching.similar_names": "how many names are compared",
    "webapp.services.tickets.attachments.read_attachments": "how many files a page shows",
}
"""Modules whose limits no person and no file can meet."""

OURS_BY_NAME = {
    "webapp.models.audit.RECEIVER_LENGTH",
    "webapp.models.connection.PATH_LENGTH",
    "webapp.models.connection.LEASE_HOLDER_LENGTH",
    "webapp.models.user.USER_AGENT_LENGTH",
    "webapp.models.user.ADDRESS_LENGTH",
    "webapp.models.user.REFERENCE_LENGTH",
    "webapp.domain.ticket_text.ESCAPED_SUMMARY_LENGTH",
    "webapp.domain.triage.subjects.SUBJECT_KEY_LENGTH",
    "webapp.services.tickets.rows.group_tickets.MOST_OF_SUBJECTS",
    "webapp.services.tickets.rows.ticket_rows.MOST_COUNTED",
    "webapp.domain.ticket_text.PARAMETERS_LENGTH",
    "webapp.domain.ticket_text.LIST_LENGTH",
    "webapp.services.polling.preview_polling.MAX_SWEEP_PAGES",
    "webapp.services.polling.preview_polling.MAX_TIME",
}
"""Limits of what the product itself writes."""


def value_of(where: str) -> object:
    module, _, name = where.rpartition(".")
    return getattr(import_module(module), name)


def in_words(value: object, limit: str) -> str:
    """A value as the page writes it; an age in the unit that the page uses."""
    if isinstance(value, dict):
        numbers = [in_words(one, limit).removesuffix(" hours") for one in value.values()]
        return f"{', '.join(numbers)} hours"
    if isinstance(value, timedelta):
        hours = int(value.total_seconds() // 3600)
        return f"{hours} hours" if "hours" in limit else f"{value.days} days"
    if isinstance(value, tuple):
        return ", ".join(f"{one:,}" for one in value)
    if "MiB" in limit:
        return f"{value // 1024**2} MiB"  # type: ignore[operator]
    return f"{value:,}"


@pytest.mark.parametrize(("what", "limit", "where"), ROWS, ids=[row[2] for row in ROWS])
def test_the_number_is_that_of_the_code(what: str, limit: str, where: str) -> None:
    number = re.sub(r" (characters|bytes|digits)$", "", limit)
    assert number == in_words(value_of(where), limit), what


def test_no_limit_is_there_twice() -> None:
    names = [where for _, _, where in ROWS]
    assert len(names) == len(set(names)) > 60


def defined_limits() -> set[str]:
    return {
        f"{module.name}.{target.id}"
        for module in modules().values()
        if module.name.startswith(TYPED_IN) and not module.name.startswith(ELSEWHERE)
        if module.name not in OURS
        for node in module.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and IS_LIMIT.fullmatch(target.id)
    }


def test_every_limit_of_what_is_typed_uploaded_or_sent_is_on_the_page() -> None:
    assert defined_limits() - {where for _, _, where in ROWS} == OURS_BY_NAME & defined_limits()
    assert defined_limits() >= OURS_BY_NAME, "one of these is gone"


def test_the_page_is_found() -> None:
    assert "docs/input.md" in (ROOT / "README.md").read_text(encoding="utf-8")
