"""The geometry of the dashboard's charts."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from webapp.services.operations.dashboard_figures import SEVERITIES, IncidentDay, Median, TimeFigure
from webapp.web.operations.dashboard_charts import HEIGHT, axis_ticks, compare_times, stack_days


def days_of(*counts: Mapping[str, int]) -> list[IncidentDay]:
    nothing = dict.fromkeys(SEVERITIES, 0)
    return [
        IncidentDay(date(2026, 6, 1) + timedelta(days=position), {**nothing, **one})
        for position, one in enumerate(counts)
    ]


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0, [1, 0]),
        (1, [1, 0]),
        (3, [3, 2, 1, 0]),
        (5, [6, 4, 2, 0]),
        (15, [15, 10, 5, 0]),
        (21, [30, 20, 10, 0]),
        (1_000, [1_000, 500, 0]),
        (1_001, [1_500, 1_000, 500, 0]),
    ],
)
def test_the_axis_has_few_round_numbers(highest: int, ticks: list[int]) -> None:
    assert axis_ticks(highest) == ticks


def test_segments_stand_on_each_other_with_the_gravest_at_the_bottom() -> None:
    chart = stack_days(days_of({"low": 2, "critical": 1, "high": 1}, {}))
    parts = chart.columns[0].segments
    assert [part.severity for part in parts] == ["critical", "high", "low"]
    assert [(part.y, part.height) for part in parts] == [(120, 40), (80, 40), (0, 80)]
    assert chart.ticks[0] == 4
    assert chart.lines[0] == 0
    assert chart.lines[-1] == HEIGHT
    assert not chart.columns[1].segments
    assert chart.columns[1].x == chart.width / 2


def test_a_chart_says_what_it_shows() -> None:
    chart = stack_days(days_of({"high": 1}, {"critical": 2, "unknown": 1}, {}))
    assert chart.summary == "4 incidents in 3 days. The most on one day: 3, on 2 Jun."
    assert [column.words for column in chart.columns] == [
        "Mon 1 Jun: 1 high",
        "Tue 2 Jun: 2 critical, 1 unknown",
        "Wed 3 Jun: none",
    ]
    assert stack_days(days_of({}, {})).summary == "0 incidents in 2 days."


def test_labels_go_from_the_first_to_the_last_day() -> None:
    labels = stack_days(days_of(*[{} for _ in range(30)])).labels
    assert labels[0] == "1 Jun"
    assert labels[-1] == "30 Jun"
    assert len(labels) == len(set(labels)) == 5


def test_the_longer_time_fills_the_width() -> None:
    bars = compare_times(TimeFigure(Median(1_800, 4), Median(3_600, 9)))
    assert (bars.current_width, bars.previous_width) == (50, 100)
    assert (bars.current_words, bars.previous_words) == ("30 min", "1 h")
    assert (bars.trend, bars.words) == ("faster", "50% faster")


@pytest.mark.parametrize(
    ("figure", "widths"),
    [
        (TimeFigure(Median(60, 1), Median()), (100, 0)),
        (TimeFigure(Median(), Median(60, 1)), (0, 100)),
        (TimeFigure(Median(), Median()), (0, 0)),
    ],
)
def test_without_both_periods_nothing_is_compared(
    figure: TimeFigure, widths: tuple[float, float]
) -> None:
    bars = compare_times(figure)
    assert (bars.current_width, bars.previous_width) == widths
    assert (bars.trend, bars.words) == ("", "")
    assert "—" in (bars.current_words, bars.previous_words)


def test_times_of_no_length_can_be_drawn() -> None:
    bars = compare_times(TimeFigure(Median(0, 1), Median(0, 1)))
    assert (bars.current_width, bars.previous_width, bars.words) == (0, 0, "the same")
