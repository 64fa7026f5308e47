"""A policy as one sentence for people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from webapp.domain.notices.events import UNTOUCHED
from webapp.domain.notices.hours import EVERY_DAY, Hours
from webapp.domain.notices.policy import ANY, MAPPED, SKIP, Conditions, PolicyRule, StepRule

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_NAMES = 3
ONLY_SUMMARY = "only the daily summary"
_GONE = "(deleted)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of the rows that policies point to, by their ids."""

    targets: Mapping[int, str] = field(default_factory=dict)
    boards: Mapping[int, str] = field(default_factory=dict)
    clients: Mapping[int, str] = field(default_factory=dict)


def policy_words(rule: PolicyRule, names: Names) -> str:
    """Return for instance `Critical, created → on call at once, everybody after 20 minutes`."""
    return f"{about_words(rule.conditions, names)} → {steps_words(rule, names)}"


def about_words(conditions: Conditions, names: Names) -> str:
    """Return what a policy is about."""
    severities = join_words(conditions.severities) or "any severity"
    parts = [
        severities[0].upper() + severities[1:],
        join_words(_event_words(conditions), "or"),
        *_where(conditions, names),
    ]
    if conditions.hours is not None:
        parts.append(hours_words(conditions.hours))
        outside = "then the next policy" if conditions.outside == SKIP else "held until they begin"
        parts.append(f"outside of these hours {outside}")
    return ", ".join(parts)


def steps_words(rule: PolicyRule, names: Names) -> str:
    """Return who is told when, with the times since the event."""
    if not rule.steps:
        return ONLY_SUMMARY
    words, passed = [], 0
    for place, step in enumerate(rule.steps):
        passed += step.after_minutes
        is_same = place > 0 and _audience(step) == _audience(rule.steps[place - 1])
        whom = "again" if is_same else audience_words(step, names)
        words.append(f"{whom} {f'after {minutes_words(passed)}' if passed else 'at once'}")
    text = ", ".join(words)
    if not rule.repeats:
        return text
    times = "once more" if rule.repeats == 1 else f"{rule.repeats} more times"
    return f"{text}; the last step {times}, every {minutes_words(rule.steps[-1].after_minutes)}"


def audience_words(step: StepRule, names: Names) -> str:
    """Return whom a step tells, such as `on call and Ops channel`."""
    people = ["on call"] if step.tells_on_call else []
    people += [names.targets.get(key, _GONE) for key in step.target_ids]
    if step.tells_everybody:
        people.append("everybody")
    return join_words(people) or "nobody"


def minutes_words(minutes: int) -> str:
    """Return for instance `1 minute`, `90 minutes`, `2 hours`."""
    if minutes >= 120 and minutes % 60 == 0:
        return f"{minutes // 60:,} hours"
    return f"{minutes:,} {'minute' if minutes == 1 else 'minutes'}"


def hours_words(hours: Hours) -> str:
    """Return for instance `Mon–Fri 08:00–18:00 (Europe/Berlin), not on holidays`."""
    holidays = ", not on holidays" if hours.skips_holidays else ""
    days = days_words(hours.weekdays)
    return f"{days} {hours.begins:%H:%M}–{hours.ends:%H:%M} ({hours.zone}){holidays}"


def days_words(weekdays: Sequence[int]) -> str:
    """Return for instance `Mon–Fri, Sun`; `every day` for all of them."""
    if tuple(weekdays) == EVERY_DAY:
        return "every day"
    runs: list[list[int]] = []
    for day in sorted(weekdays):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        WEEKDAYS[run[0]] if len(run) == 1 else f"{WEEKDAYS[run[0]]}–{WEEKDAYS[run[-1]]}"
        for run in runs
    )


def join_words(words: Iterable[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    known = list(words)
    if len(known) < 2:
        return "".join(known)
    return f"{', '.join(known[:-1])} {last} {known[-1]}"


def _event_words(conditions: Conditions) -> list[str]:
    words = []
    for event in conditions.events:
        text = event.replace("_", " ")
        if event == UNTOUCHED and conditions.untouched_minutes:
            text += f" for {minutes_words(conditions.untouched_minutes)}"
        words.append(text)
    return words


def _where(conditions: Conditions, names: Names) -> list[str]:
    words = []
    if conditions.board_ids:
        words.append(f"on {_some(conditions.board_ids, names.boards, 'boards')}")
    if conditions.client_ids:
        words.append(f"of {_some(conditions.client_ids, names.clients, 'clients')}")
    if conditions.mapping != ANY:
        words.append("mapped only" if conditions.mapping == MAPPED else "unmapped only")
    return words


def _some(ids: Sequence[int], names: Mapping[int, str], kind: str) -> str:
    words = [names.get(key, _GONE) for key in ids]
    if len(words) <= MOST_NAMES + 1:
        return join_words(words, "or")
    return f"{', '.join(words[:MOST_NAMES])} or {len(words) - MOST_NAMES:,} more {kind}"


def _audience(step: StepRule) -> tuple[object, ...]:
    return (set(step.target_ids), step.tells_on_call, step.tells_everybody)
