"""Which runbook fits an incident."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.incident import parse_incident
from webapp.domain.runbooks.runbooks import (
    PLATFORMS,
    RunbookFacts,
    RunbookRule,
    choose_runbook,
    condition_words,
    runbook_facts,
)
from webapp.domain.triage.incident_kinds import KIND_WORDS
from webapp.services.tickets.runbooks.shipped_runbooks import read_shipped

FOOTHOLD_ON_LINUX = RunbookFacts(frozenset({"footholds"}), "low", "linux")
KIND, SEVERITY, PLATFORM = ({"kinds": "footholds"}, {"severities": "low"}, {"platforms": "linux"})


def rule(number: int, **words: str) -> RunbookRule:
    """A rule at this place; each condition is words with spaces between them."""
    sets = {name: frozenset(text.split()) for name, text in words.items()}
    return RunbookRule(id=number, position=number, **sets)


def chosen(facts: RunbookFacts, *rules: RunbookRule) -> int | None:
    found = choose_runbook(rules, facts)
    return found.id if found else None


@pytest.mark.parametrize("conditions", list(itertools.product([0, 1], repeat=3)))
def test_each_condition_has_to_be_met(conditions: tuple[int, int, int]) -> None:
    words = dict(
        pair
        for is_set, one in zip(conditions, (KIND, SEVERITY, PLATFORM), strict=True)
        if is_set
        for pair in one.items()
    )
    one = rule(1, **words)
    assert one.conditions == sum(conditions)
    assert one.fits(FOOTHOLD_ON_LINUX)
    for name in words:
        assert not replace(one, **{name: frozenset({"another"})}).fits(FOOTHOLD_ON_LINUX)
        assert replace(one, **{name: getattr(one, name) | {"another"}}).fits(FOOTHOLD_ON_LINUX)


def test_what_an_incident_does_not_say_meets_no_condition() -> None:
    silent = RunbookFacts(frozenset(), "high", None)
    assert chosen(silent, rule(1, **KIND), rule(2, **PLATFORM)) is None
    assert chosen(silent, rule(1, **KIND), rule(2)) == 2


def test_the_most_conditions_win_and_then_the_place() -> None:
    general, kind, both = rule(1), rule(2, **KIND), rule(3, **KIND, **PLATFORM)
    assert chosen(FOOTHOLD_ON_LINUX, general, kind, both) == 3
    assert chosen(FOOTHOLD_ON_LINUX, general, kind) == 2
    assert chosen(FOOTHOLD_ON_LINUX, rule(5, **SEVERITY), rule(4, **PLATFORM), kind) == 2
    assert chosen(FOOTHOLD_ON_LINUX, rule(9), rule(8)) == 8
    assert chosen(FOOTHOLD_ON_LINUX) is None


words = st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=2)
rules = st.lists(
    st.builds(
        RunbookRule,
        id=st.integers(1, 9),
        position=st.integers(1, 3),
        kinds=words,
        severities=words,
        platforms=words,
    ),
    unique_by=lambda one: one.id,
)


@given(rules, words, st.sampled_from("abc"), st.sampled_from("abc"))
def test_the_choice_fits_and_no_other_fits_better(
    known: list[RunbookRule], kinds: frozenset[str], severity: str, platform: str
) -> None:
    facts = RunbookFacts(kinds, severity, platform)
    found = choose_runbook(known, facts)
    fitting = [one for one in known if one.fits(facts)]
    assert (found is None) == (not fitting)
    assert found == choose_runbook(reversed(known), facts)
    for other in fitting:
        assert found is not None
        assert (found.conditions, -found.position) >= (other.conditions, -other.position)


def test_the_words_of_an_incident_decide_whatever_their_case() -> None:
    raw = {"id": 1, "severity": "URGENT", "platform": "Darwin", "indicator_types": ["Footholds"]}
    facts = runbook_facts(parse_incident(raw))
    assert facts == RunbookFacts(frozenset({"footholds"}), "high", "darwin")


def shipped_rules() -> list[RunbookRule]:
    return [
        RunbookRule(
            id=place,
            position=one.position,
            kinds=frozenset(one.kinds),
            severities=frozenset(one.severities),
            platforms=frozenset(one.platforms),
        )
        for place, one in enumerate(read_shipped().values())
    ]


def shipped_for(kinds: str, severity: str = "high", platform: str | None = None) -> str:
    facts = RunbookFacts(frozenset(kinds.split()), severity, platform)
    found = choose_runbook(shipped_rules(), facts)
    assert found is not None
    return list(read_shipped())[found.id]


@pytest.mark.parametrize("platform", [*PLATFORMS, None])
@pytest.mark.parametrize("kind", KIND_WORDS)
def test_one_comes_with_the_product_for_each_indicator_type(
    kind: str, platform: str | None
) -> None:
    for severity in ("low", "high", "critical"):
        key = shipped_for(kind, severity, platform)
        assert kind in read_shipped()[key].kinds, f"{kind} gets {key}"


def test_ransomware_is_worked_first_and_anything_has_a_runbook() -> None:
    for platform in ("darwin", "windows", None):
        for severity in ("low", "critical"):
            found = shipped_for(
                "footholds process_detections ransomware_canaries", severity, platform
            )
            assert found == "ransomware"
    assert shipped_for("footholds", platform="darwin") == "footholds_macos"
    assert shipped_for("managed_identity", platform="microsoft_365") == (
        "managed_identity_microsoft_365"
    )
    assert shipped_for("process_detections", "critical") == "hands_on_keyboard"
    assert shipped_for("never_heard_of") == "general"
    assert shipped_for("") == "general"


def test_conditions_in_words() -> None:
    assert condition_words([], [], []) == "Any incident"
    assert (
        condition_words(["footholds", "new_one"], [], ["linux"])
        == "Persistent foothold, New one · Linux"
    )
    assert condition_words([], ["low", "high"], []) == "low, high"
    assert condition_words([], ["critical", "high", "low"], []) == "every severity"
