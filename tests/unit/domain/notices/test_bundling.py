"""Which waiting rows become one message, in which order, and when a flood is one notice."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.bundling import Group, Waiting, fold_flood, free_at, group_rows
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
                assert earlier.id in sent


@given(st.lists(WAITING, max_size=12, unique_by=lambda one: one.id))
def test_in_the_end_everything_is_sent(rows: list[Waiting]) -> None:
    rows.sort(key=lambda one: one.id)
    sent = [one.id for group in group_rows(rows, NOW + timedelta(days=1)) for one in group.rows]
    assert sorted(sent) == [one.id for one in rows]


LIMITS = (Limit(2, timedelta(minutes=1)), Limit(3, timedelta(minutes=15)))


def groups_of(count: int) -> list[Group]:
    return [Group((row(key),)) for key in range(1, count + 1)]


def sent_before(*seconds: int) -> list[datetime]:
    return [NOW - timedelta(seconds=one) for one in seconds]


def test_what_fits_is_sent_as_it_is() -> None:
    assert fold_flood(groups_of(2), [], LIMITS, NOW) == groups_of(2)
    assert fold_flood(groups_of(50), [], (), NOW) == groups_of(50)


def test_what_does_not_fit_is_one_notice() -> None:
    folded = fold_flood(groups_of(5), [], LIMITS, NOW)
    assert ids(folded) == [[1], [2, 3, 4, 5]]
    assert [one.is_flood for one in folded] == [False, True]
    folded = fold_flood(groups_of(5), sent_before(30), LIMITS, NOW)
    assert ids(folded) == [[1, 2, 3, 4, 5]]


def test_where_nothing_fits_nothing_is_sent_until_there_is_room() -> None:
    sent = sent_before(50, 30)
    assert fold_flood(groups_of(1), sent, LIMITS, NOW) == []
    assert free_at(sent, LIMITS, NOW) == NOW + timedelta(seconds=10)
    later = free_at(sent, LIMITS, NOW)
    assert ids(fold_flood(groups_of(1), sent, LIMITS, later)) == [[1]]


def test_the_longest_wait_of_all_limits_counts() -> None:
    sent = sent_before(800, 700, 600)
    assert free_at(sent, LIMITS, NOW) == NOW + timedelta(seconds=100)
    assert free_at([], LIMITS, NOW) == NOW
    assert free_at(sent, (), NOW) == NOW


@given(
    st.integers(0, 40),
    st.lists(st.integers(0, 4000), max_size=40),
    st.sampled_from([kind.limits for kind in KINDS.values() if kind.limits]),
)
def test_no_target_is_ever_sent_more_than_its_limits(
    count: int, seconds: list[int], limits: Sequence[Limit]
) -> None:
    sent = sent_before(*seconds)
    groups = fold_flood(groups_of(count), sent, limits, NOW)
    assert sorted(one.id for group in groups for one in group.rows) in (
        [],
        list(range(1, count + 1)),
    ), "everything is told, or nothing yet"
    for limit in limits:
        before = sum(at > NOW - limit.span for at in sent)
        assert not groups or before + len(groups) <= limit.count
    if count and not groups:
        assert free_at(sent, limits, NOW) > NOW
        assert fold_flood(groups_of(count), sent, limits, free_at(sent, limits, NOW))
