"""Which waiting rows become one message, in which order, and when a flood is one notice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.bundling import (
    Group,
    SentMessage,
    Waiting,
    choose_message,
    group_rows,
)
from webapp.domain.notices.target_kinds import KINDS, Limit

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def row(
    key: int,
    *,
    due: int = 0,
    next_try: int | None = None,
    subject: str | None = None,
    bundle: str | None = None,
    message_key: str | None = None,
) -> Waiting:
    """A row that is due so many seconds after NOW."""
    due_at = NOW + timedelta(seconds=due)
    return Waiting(
        id=key,
        due_at=due_at,
        next_try_at=due_at if next_try is None else NOW + timedelta(seconds=next_try),
        subject=subject or f"ticket:{key}",
        bundle=bundle,
        message_key=message_key,
    )


def ids(groups: Sequence[Group]) -> list[list[int]]:
    return [[one.id for one in group.rows] for group in groups]


def test_rows_without_a_bundle_are_messages_of_their_own() -> None:
    assert ids(group_rows([row(1), row(2)], NOW)) == [[1], [2]]


def test_nothing_is_sent_before_it_is_due() -> None:
    assert group_rows([row(1, due=1)], NOW) == []
    assert ids(group_rows([row(1, due=1)], NOW + timedelta(seconds=1))) == [[1]]


def test_a_bundle_goes_once_its_first_row_is_due() -> None:
    rows = [row(1, due=0, bundle="b"), row(2, due=60, bundle="b"), row(3, due=60, bundle="c")]
    assert ids(group_rows(rows, NOW)) == [[1, 2]]


def test_what_was_tried_as_one_message_stays_one() -> None:
    rows = [
        row(1, bundle="b", message_key="m"),
        row(2, bundle="b"),
        row(3, bundle="c", message_key="m"),
    ]
    assert ids(group_rows(rows, NOW)) == [[1, 3], [2]]


def test_a_message_that_waits_to_be_tried_again_holds_back_its_subject_only() -> None:
    rows = [
        row(1, due=-60, next_try=30, subject="ticket:7", message_key="m"),
        row(2, subject="ticket:7"),
        row(3, subject="ticket:8"),
    ]
    assert ids(group_rows(rows, NOW)) == [[3]]
    assert ids(group_rows(rows, NOW + timedelta(seconds=30))) == [[1], [2], [3]]


WAITING = st.builds(
    row,
    st.integers(1, 1000),
    due=st.integers(-100, 100),
    subject=st.sampled_from(["ticket:1", "ticket:2", "ticket:3"]),
    bundle=st.sampled_from([None, "a", "b"]),
    message_key=st.sampled_from([None, None, "m"]),
)


@given(st.lists(WAITING, max_size=12, unique_by=lambda one: one.id))
def test_each_row_is_sent_at_most_once_and_what_is_told_of_a_subject_keeps_its_order(
    rows: list[Waiting],
) -> None:
    rows.sort(key=lambda one: one.id)
    groups = group_rows(rows, NOW)
    sent = [one.id for group in groups for one in group.rows]
    assert len(sent) == len(set(sent))
    for group in groups:
        assert any(one.due_at <= NOW for one in group.rows)
    firsts = [group.rows[0].id for group in groups]
    assert firsts == sorted(firsts)
    alone = [one for one in rows if one.bundle is None and one.message_key is None]
    for one in alone:
        for earlier in alone:
            if earlier.id < one.id and earlier.subject == one.subject and one.id in sent:
                assert earlier.id in sent or earlier.due_at > NOW


@given(st.lists(WAITING, max_size=12, unique_by=lambda one: one.id))
def test_in_the_end_everything_is_sent(rows: list[Waiting]) -> None:
    rows.sort(key=lambda one: one.id)
    sent = [one.id for group in group_rows(rows, NOW + timedelta(days=1)) for one in group.rows]
    assert sorted(sent) == [one.id for one in rows]


LIMITS = (Limit(2, timedelta(minutes=1)), Limit(3, timedelta(minutes=15)))


def groups_of(count: int) -> list[Group]:
    return [Group((row(key),)) for key in range(1, count + 1)]


def sent_before(*seconds: int, is_urgent: bool = False) -> list[SentMessage]:
    return [SentMessage(NOW - timedelta(seconds=one), is_urgent) for one in seconds]


def send_all(
    groups: Sequence[Group],
    sent: Sequence[SentMessage],
    limits: Sequence[Limit],
    now: datetime = NOW,
) -> list[Group]:
    """Send until nothing may be sent any more at `now`."""
    left, history, done = list(groups), list(sent), []
    while (chosen := choose_message(left, history, limits, now)) is not None:
        gone = {one.id for one in chosen.rows}
        left = [one for one in left if gone.isdisjoint({row.id for row in one.rows})]
        if not chosen.is_apart:
            history.append(SentMessage(now, chosen.is_urgent, chosen.is_flood))
        done.append(chosen)
    return done


def test_what_fits_is_sent_as_it_is() -> None:
    assert send_all(groups_of(2), [], LIMITS) == groups_of(2)
    assert send_all(groups_of(50), [], ()) == groups_of(50)


def test_what_does_not_fit_is_one_notice() -> None:
    folded = send_all(groups_of(5), [], LIMITS)
    assert ids(folded) == [[1], [2, 3, 4, 5]]
    assert [one.is_flood for one in folded] == [False, True]
    assert ids(send_all(groups_of(5), sent_before(30), LIMITS)) == [[1, 2, 3, 4, 5]]


def test_where_nothing_fits_nothing_is_sent_until_there_is_room() -> None:
    sent = sent_before(50, 30)
    assert send_all(groups_of(1), sent, LIMITS) == []
    later = NOW + timedelta(seconds=10)
    assert ids(send_all(groups_of(1), sent, LIMITS, later)) == [[1]]


def test_after_the_notice_of_a_flood_there_is_a_pause_and_then_one_more_while_it_lasts() -> None:
    flood = [SentMessage(NOW, is_flood=True)]
    wide = (Limit(3, timedelta(minutes=1)),)
    for minutes, sent in ((1, []), (4, []), (5, [[1, 2, 3, 4]]), (14, [[1, 2, 3, 4]])):
        found = send_all(groups_of(4), flood, wide, NOW + timedelta(minutes=minutes))
        assert ids(found) == sent, minutes
    over = send_all(groups_of(4), flood, wide, NOW + timedelta(minutes=15))
    assert ids(over) == [[1], [2], [3, 4]]
    calm = send_all(groups_of(3), flood, wide, NOW + timedelta(minutes=5))
    assert ids(calm) == [[1], [2], [3]]


def test_urgent_messages_have_limits_of_their_own_and_go_first() -> None:
    low = groups_of(2)
    urgent = [Group((replace(row(9), is_urgent=True),))]
    assert ids(send_all([*low, *urgent], [], LIMITS)) == [[9], [1], [2]]
    assert ids(send_all([*low, *urgent], sent_before(1, 2), LIMITS)) == [[9]]


def test_what_is_urgent_does_not_overtake_what_is_told_of_the_same_ticket() -> None:
    rows = [
        row(1, subject="ticket:5"),
        row(2, subject="ticket:6"),
        replace(row(3, subject="ticket:5"), is_urgent=True),
    ]
    groups = group_rows(rows, NOW)
    assert ids(send_all(groups, [], LIMITS)) == [[1], [3], [2]]
    assert ids(send_all(groups, sent_before(1, 2), LIMITS)) == [[1], [3]], "it counts as urgent"


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 2)), max_size=12))
def test_what_is_told_of_one_ticket_keeps_its_order(
    rows: list[tuple[int, bool, int]],
) -> None:
    waiting = [
        replace(row(key, subject=f"ticket:{ticket}"), is_urgent=is_urgent, bundle=bundle or None)
        for key, (ticket, is_urgent, bundle) in enumerate(rows, 1)
    ]
    told: dict[str, list[int]] = {}
    for group in send_all(group_rows(waiting, NOW), [], (Limit(50, timedelta(minutes=1)),)):
        for subject in group.subjects:
            told.setdefault(subject, []).append(
                min(one.id for one in group.rows if one.subject == subject)
            )
    assert all(found == sorted(found) for found in told.values())


def test_what_tells_of_no_ticket_is_never_held_back_nor_folded() -> None:
    apart = Group((replace(row(9), is_apart=True),))
    full = [*sent_before(1, 2), *sent_before(1, 2, is_urgent=True)]
    assert ids(send_all([*groups_of(5), apart], full, LIMITS)) == [[9]]


def test_a_message_that_was_tried_is_not_folded_into_another() -> None:
    tried = Group((replace(row(9), message_key="k"),))
    assert ids(send_all([*groups_of(5), tried], [], LIMITS)) == [[1], [2, 3, 4, 5]]
    assert ids(send_all([tried], [], LIMITS)) == [[9]]


@given(
    st.integers(0, 40),
    st.lists(st.integers(0, 4000), max_size=40),
    st.sampled_from([kind.limits for kind in KINDS.values() if kind.limits]),
)
def test_no_target_is_ever_sent_more_than_its_limits(
    count: int, seconds: list[int], limits: Sequence[Limit]
) -> None:
    sent = sent_before(*seconds)
    groups = send_all(groups_of(count), sent, limits)
    assert sorted(one.id for group in groups for one in group.rows) in (
        [],
        list(range(1, count + 1)),
    ), "everything is told, or nothing yet"
    for limit in limits:
        before = sum(one.at > NOW - limit.span for one in sent)
        assert not groups or before + len(groups) <= limit.count
    longest = max(limit.span for limit in limits)
    assert not count or send_all(groups_of(count), sent, limits, NOW + longest)


@given(
    st.lists(st.tuples(st.integers(0, 3600), st.booleans()), max_size=40),
    st.sampled_from([kind.limits for kind in KINDS.values() if kind.limits]),
)
def test_no_target_is_sent_more_than_its_limits_and_everything_is_told(
    arrivals: list[tuple[int, bool]], limits: Sequence[Limit]
) -> None:
    """An hour of arrivals, looked at every half minute until nothing waits any more."""
    waiting = {
        key: replace(row(key, due=at), is_urgent=is_urgent)
        for key, (at, is_urgent) in enumerate(arrivals, 1)
    }
    sent: list[SentMessage] = []
    told: list[int] = []
    now = NOW
    while waiting and now < NOW + timedelta(days=2):
        rows = sorted(waiting.values(), key=lambda one: one.id)
        while chosen := choose_message(group_rows(rows, now), sent, limits, now):
            told += [one.id for one in chosen.rows]
            rows = [one for one in rows if one not in chosen.rows]
            sent.append(SentMessage(now, chosen.is_urgent, chosen.is_flood))
        waiting = {one.id: one for one in rows}
        now += timedelta(seconds=30)
    assert sorted(told) == list(range(1, len(arrivals) + 1)), "each once"
    for is_urgent in (True, False):
        mine = [one.at for one in sent if one.is_urgent == is_urgent]
        for limit in limits:
            assert all(
                sum(at - limit.span < other <= at for other in mine) <= limit.count for at in mine
            )
