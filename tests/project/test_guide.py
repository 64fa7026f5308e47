"""What the documents list is all that there is: alarms, metrics, what webhooks hold."""

import re

import pytest
from flask import Flask

from tests.support.source_tree import ROOT
from webapp import clock
from webapp.domain.notices.compose import Told, webhook_data
from webapp.domain.notices.events import CODE_TYPE, PERSONAL_TYPES, TEST_TYPE, TYPE_WORDS
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.watch.alarm_kinds import KINDS, Trouble
from webapp.services.transactions import reading
from webapp.services.watch.metrics import measure

DOCS = ROOT / "docs"
CODE = re.compile(r"`([^`]+)`")


def _rows(name: str, heading: str) -> list[list[str]]:
    """The cells of the table in a document whose heading begins so."""
    text = (DOCS / name).read_text(encoding="utf-8")
    table = text.partition(heading)[2].partition("\n\n")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ALARMS = {
    kind: (grave, again)
    for first, _, grave, again in _rows("installation.md", "| alarm |")
    for kind in CODE.findall(first)
}


@pytest.mark.parametrize("trouble", Trouble)
def test_the_guide_says_of_every_alarm_whether_it_is_grave_and_how_often_it_is_told(
    trouble: Trouble,
) -> None:
    kind = KINDS[trouble]
    hours = kind.repeat_after.total_seconds() / 3600
    assert ALARMS[trouble.value] == ("yes" if kind.is_grave else "no", f"{hours:g} h")


def test_every_metric_stands_in_its_document_with_its_labels(app: Flask) -> None:
    written = {
        name: CODE.findall(labels)
        for names, labels, _ in _rows("metrics.md", "| metric |")
        for name in CODE.findall(names)
    }
    with reading() as session:
        there = {one.name: list(one.labels) for one in measure(session, "0", clock.utcnow())}
    assert written == there


WEBHOOKS = {
    type_: CODE.findall(data)
    for types, data in _rows("using.md", "| `type` |")
    for type_ in CODE.findall(types)
}


def test_every_type_of_event_that_a_webhook_gets_is_told() -> None:
    of_people = {CODE_TYPE, *PERSONAL_TYPES.values()}
    assert WEBHOOKS.keys() == {*TYPE_WORDS, TEST_TYPE} - of_people


def test_everything_that_a_webhook_holds_about_a_ticket_is_told() -> None:
    facts = TicketFacts(ticket_id=1, number="TKT-1", title="", client="", client_id=1, board_id=1)
    told = Told(type="ticket.created", facts=facts, url="", happened_at=clock.utcnow())
    assert set(webhook_data(told)) == set(WEBHOOKS[told.type])
