"""The set-up: what is done, what is next, what holds up polling."""

from dataclasses import replace

import pytest

from webapp.domain.checklist import ConnectionFacts, StepState, plan_setup

NEW = ConnectionFacts(
    has_credentials=True,
    is_disconnected=False,
    missing_routing=("Security board", "Fallback client"),
    organizations=12,
    unmapped=4,
    is_started=False,
    is_paused=False,
)
ROUTED = replace(NEW, missing_routing=())
MAPPED = replace(ROUTED, unmapped=0)
STARTED = replace(MAPPED, is_started=True)
TOLD = replace(STARTED, is_telling_decided=True, has_policies=True)
FIVE_DONE = "done done done done done"
STOPPED = "connect start"


@pytest.mark.parametrize(
    ("facts", "states", "blocking"),
    [
        (NEW, "done current later later later later", "route start"),
        (ROUTED, "done done current later later later", "start"),
        (MAPPED, "done done done current later later", "start"),
        (STARTED, "done done done done current later", ""),
        (TOLD, "done done done done done later", ""),
        (replace(TOLD, untold=("Nobody.",)), "done done done done current later", ""),
        (replace(TOLD, has_policies=False, untold=("No policy.",)), f"{FIVE_DONE} later", ""),
        (replace(TOLD, has_incident=True), f"{FIVE_DONE} current", ""),
        (replace(TOLD, is_link_checked=True), f"{FIVE_DONE} done", ""),
        (replace(TOLD, unmapped=3), "done done current done done later", ""),
        (replace(TOLD, is_paused=True), "done done done current done later", "start"),
        (replace(TOLD, is_disconnected=True), "current done done later done later", STOPPED),
        (replace(TOLD, has_credentials=False), "current done done later done later", STOPPED),
        (
            replace(NEW, organizations=0, unmapped=0),
            "done current later later later later",
            "route start",
        ),
    ],
)
def test_steps(facts: ConnectionFacts, states: str, blocking: str) -> None:
    steps = plan_setup(facts)
    keys = ["connect", "route", "map", "start", "tell", "links"]
    assert [step.key for step in steps] == keys
    assert [step.state.value for step in steps] == states.split()
    assert [step.key for step in steps if step.blocks_polling] == blocking.split()


def text_of(facts: ConnectionFacts, key: str) -> str:
    return next(step.text for step in plan_setup(facts) if step.key == key)


@pytest.mark.parametrize(
    ("facts", "key", "words"),
    [
        (NEW, "route", "Still missing: Security board, Fallback client."),
        (NEW, "start", "You can start once the account is connected and routing is complete."),
        (STARTED, "tell", "three policies are ready"),
        (TOLD, "tell", "Critical incidents reach somebody."),
        (replace(TOLD, has_policies=False), "tell", "were declined"),
        (replace(TOLD, untold=("Ops is paused.",)), "tell", "reach nobody. Ops is paused."),
        (NEW, "map", "4 of 12 organizations have no client yet."),
        (NEW, "map", "You can start all the same"),
        (
            replace(NEW, organizations=0, unmapped=0),
            "map",
            'No organizations yet — click "Sync organizations".',
        ),
        (MAPPED, "start", "See what the first poll would create"),
        (replace(STARTED, is_paused=True), "start", "Polling is paused; resume it"),
        (replace(STARTED, is_disconnected=True), "connect", "The account is disconnected."),
        (replace(STARTED, is_disconnected=True), "start", "Polling goes on once the account is"),
        (replace(NEW, unmapped=1), "map", "1 of 12 organizations has no client yet."),
        (replace(NEW, unmapped=12), "map", "No organization has a client yet."),
        (
            replace(NEW, has_credentials=False),
            "connect",
            "The API key and secret are missing or can't be read.",
        ),
    ],
)
def test_what_a_step_still_needs(facts: ConnectionFacts, key: str, words: str) -> None:
    assert words in text_of(facts, key)


def test_only_one_step_is_current() -> None:
    for facts in (NEW, ROUTED, MAPPED, STARTED):
        current = [step for step in plan_setup(facts) if step.state is StepState.CURRENT]
        assert len(current) <= 1
