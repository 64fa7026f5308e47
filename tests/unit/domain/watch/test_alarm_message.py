"""What an alarm says."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.domain.notices.message import Stage, Urgency
from webapp.domain.watch.alarm_kinds import KINDS, Trouble
from webapp.domain.watch.alarm_message import AlarmFacts, compose_alarm, read_alarm_facts
from webapp.domain.watch.plan_alarms import Telling

NOW = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
FACTS = AlarmFacts(
    kind=Trouble.WORKER,
    subject="",
    sentence="No worker has reported for a while.",
    began_at=NOW - timedelta(minutes=5),
    ended_at=NOW,
)
URL = "https://desk.example.com/health"


def test_it_says_what_is_wrong_since_when_and_what_to_do() -> None:
    message = compose_alarm("a-1", Telling.BEGAN, FACTS, url=URL, happened_at=NOW)
    assert message.title == "Alarm: No worker has reported for a while."
    assert message.lines == (
        "Since 9 June 2026, 11:55 UTC.",
        f"What to do: {KINDS[Trouble.WORKER].what_to_do}",
    )
    assert (message.stage, message.urgency) == (Stage.BEGINS, Urgency.PAGE)
    assert message.links[0].url == URL
    assert message.data["kind"] == "worker-gone"


def test_its_end_is_quiet_and_closes_what_its_beginning_opened() -> None:
    began, repeated, ended = (
        compose_alarm("a-1", telling, FACTS, url=None, happened_at=NOW) for telling in Telling
    )
    assert began.subject == repeated.subject == ended.subject
    assert repeated.title.startswith("Still: ")
    assert ended.title.startswith("Over: ")
    assert ended.lines == ("It lasted from 9 June 2026, 11:55 UTC until 9 June 2026, 12:00 UTC.",)
    assert (ended.stage, ended.urgency, ended.links) == (Stage.OVER, Urgency.NORMAL, ())


@pytest.mark.parametrize("ended_at", [None, NOW])
def test_facts_survive_the_outbox(ended_at: datetime | None) -> None:
    facts = AlarmFacts(
        kind=Trouble.DISK, subject="here", sentence="8 % free.", began_at=NOW, ended_at=ended_at
    )
    assert read_alarm_facts(facts.as_json(), otherwise=NOW - timedelta(days=1)) == facts


def test_facts_that_another_version_wrote_are_an_alarm_all_the_same() -> None:
    facts = read_alarm_facts({"kind": "backup-eaten", "began_at": "soon"}, otherwise=NOW)
    message = compose_alarm("a-1", Telling.BEGAN, facts, url=None, happened_at=NOW)
    assert message.title == "Alarm: Something is not well"


def test_control_characters_and_length_are_under_control() -> None:
    facts = AlarmFacts(
        kind=Trouble.ERROR, subject="connection:1", sentence="a\u202e\nb" + "c" * 999, began_at=NOW
    )
    message = compose_alarm("a-1", Telling.BEGAN, facts, url=None, happened_at=NOW)
    assert message.title.startswith("Alarm: a bccc")
    assert len(message.title) <= 200
