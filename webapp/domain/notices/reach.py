"""Whether a critical ticket would reach anybody just now, and if not, why."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product

from webapp.domain.incident import Severity
from webapp.domain.notices.events import CREATED, REOPENED, SEVERITY_RAISED
from webapp.domain.notices.policy import Occasion, PolicyRule, Rules, StepRule
from webapp.domain.notices.policy_words import join_words

HOURS_AHEAD = 7 * 24
ANY_OTHER = 0
"""Stands for a board or client that no policy names."""

_LATER = {
    SEVERITY_RAISED: "the severity of a ticket rises to critical",
    REOPENED: "a critical ticket is reopened",
}


@dataclass(frozen=True, slots=True)
class StepAudience:
    """Whether a step reaches somebody, and what is wrong with those whom it does not reach."""

    is_reached: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """Why some critical tickets would reach nobody; all is well where there are no problems.

    `gap` is a sentence about tickets that become critical later and reach nobody then, or nothing.
    """

    problems: tuple[str, ...] = ()
    gap: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether every critical ticket would reach somebody."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """All boards and clients with their names."""

    boards: Mapping[int, str]
    clients: Mapping[int, str]


def judge_reach(
    rules: Rules, places: Places, audience: Callable[[StepRule], StepAudience], now: datetime
) -> Reach:
    """Return whether a critical ticket that is created at `now` reaches somebody, wherever it is.

    Every combination of board, client and mapping is tried that policies tell apart. Where policies
    have hours, each hour of the coming week is tried, too.
    """
    if not rules.policies:
        return Reach(("There is no policy: nobody is told of anything.",))
    untold: list[tuple[str, str, bool]] = []
    later: dict[str, None] = {}
    problems: dict[str, None] = {}
    boards = _told_apart(places.boards, [p.conditions.board_ids for p in rules.policies])
    clients = _told_apart(places.clients, [p.conditions.client_ids for p in rules.policies])
    for (board, board_name), (client, client_name), is_unmapped in product(
        boards, clients, (False, True)
    ):
        occasion = Occasion(
            event=CREATED,
            severity=Severity.CRITICAL.value,
            board_id=board,
            client_id=client,
            is_unmapped=is_unmapped,
        )
        chosen = rules.choose(occasion, now)
        if chosen is None:
            untold.append((board_name, client_name, is_unmapped))
        else:
            problems |= dict.fromkeys(_problems(chosen[0], audience))
            problems |= dict.fromkeys(_problems_of_hours(rules, occasion, now))
            later |= dict.fromkeys(_untold_later(rules, occasion, now))
    missing = [_untold_words(untold, len(boards) * len(clients) * 2)] if untold else []
    gap = f"Nobody is told when {' or '.join(later)}: no policy is about it."
    return Reach((*missing, *problems), gap if later else None)


def _untold_later(rules: Rules, created: Occasion, now: datetime) -> Iterator[str]:
    """What may happen to a ticket later, of which no policy tells."""
    for event, words in _LATER.items():
        if rules.choose(replace(created, event=event), now) is None:
            yield words


def _problems(policy: PolicyRule, audience: Callable[[StepRule], StepAudience]) -> Iterator[str]:
    """Why no step of a policy reaches anybody; nothing where one does."""
    if not policy.steps:
        yield f"The policy {policy.name} tells nobody at once: it has no steps."
        return
    found = [audience(step) for step in policy.steps]
    if any(one.is_reached for one in found):
        return
    reasons = list(dict.fromkeys(reason for one in found for reason in one.problems))
    yield f"The policy {policy.name} reaches nobody: {join_words(reasons) or 'nobody is named'}."


def _problems_of_hours(rules: Rules, occasion: Occasion, now: datetime) -> Iterator[str]:
    """Why a critical ticket reaches nobody at once at some hour of the coming week."""
    if all(policy.conditions.hours is None for policy in rules.policies):
        return
    for hour in range(HOURS_AHEAD):
        moment = now + timedelta(hours=hour)
        chosen = rules.choose(occasion, moment)
        when = f"{moment:%A at %H:%M} UTC"
        if chosen is None:
            yield f"No policy is about critical tickets at all hours, for instance not {when}."
            return
        if rules.released_at(chosen[0], is_critical=True, now=moment) > moment:
            yield (
                f"The policy {chosen[0].name} holds critical tickets until its hours begin,"
                f" for instance {when}."
            )
            return


def _told_apart(
    names: Mapping[int, str], chosen: Sequence[Collection[int]]
) -> list[tuple[int, str]]:
    """One row for each group that policies treat alike, with words for the group."""
    groups: dict[tuple[bool, ...], list[int]] = defaultdict(list)
    for key in names:
        groups[tuple(key in ids for ids in chosen)].append(key)
    if not any(chosen) or not groups:
        return [(next(iter(names), ANY_OTHER), "")]
    return [(keys[0], _group_words(keys, names)) for keys in groups.values()]


def _group_words(keys: Sequence[int], names: Mapping[int, str]) -> str:
    others = len(keys) - 1
    return names[keys[0]] if not others else f"{names[keys[0]]} and {others:,} more"


def _untold_words(untold: Iterable[tuple[str, str, bool]], count: int) -> str:
    found = list(untold)
    if len(found) == count:
        return "No policy is about critical tickets that are created."
    board, client, is_unmapped = found[0]
    kind = "unmapped " if is_unmapped and not any(not one[2] for one in found) else ""
    kind = "mapped " if not any(one[2] for one in found) else kind
    where = f" on {board}" if board else ""
    whose = f" of {client}" if client else ""
    return f"No policy is about {kind}critical tickets{where}{whose}."
