"""Steps and texts of a runbook's Markdown, and the files that come with the product."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.attacks import attack
from webapp.domain.runbooks.runbook_text import (
    MOST_STEPS_OF_RUNBOOK,
    Prose,
    RunbookStep,
    parse_runbook,
    steps_of,
)
from webapp.domain.runbooks.shipped_text import ShippedTextError, parse_shipped_runbook
from webapp.services.tickets.runbooks.shipped_runbooks import read_shipped

BODY = """Read this first.

## Stop it

- [ ] Isolate the host
  In the portal, not by hand.
    Even if it is a server.
- [x] Call **the client**
* [ ]  Wait

Then look.
- not a step
  - [ ] Look at `C:\\Users`
"""


def test_steps_and_text_in_their_order() -> None:
    details = "In the portal, not by hand.\nEven if it is a server."
    assert parse_runbook(BODY) == (
        Prose("Read this first.\n\n## Stop it"),
        RunbookStep(0, "Isolate the host", details),
        RunbookStep(1, "Call **the client**"),
        RunbookStep(2, "Wait"),
        Prose("Then look.\n- not a step"),
        RunbookStep(3, "Look at `C:\\Users`"),
    )


@pytest.mark.parametrize(
    "line", ["- []", "- [ ]", "- [ ]   ", "-[ ] a", "- [y] a", "[ ] a", "1. [ ] a", "text - [ ] a"]
)
def test_what_is_no_step(line: str) -> None:
    assert steps_of(line) == []


@pytest.mark.parametrize("line", ["- [ ] a", "+ [ ] a", "* [X] a", "  - [ ] a", "- [] a"])
def test_what_is_a_step(line: str) -> None:
    assert steps_of(line) == [RunbookStep(0, "a")]


def test_what_stands_in_a_block_of_code_is_text() -> None:
    code = "```\n- [ ] no\n~~~\n- [ ] no\n``` x\n- [ ] no\n````"
    assert parse_runbook(f"{code}\n- [ ] yes") == (Prose(code), RunbookStep(0, "yes"))
    assert steps_of("~~~~\n- [ ] no\n~~~\n- [ ] still no") == []


@given(st.lists(st.one_of(attack, st.sampled_from(["- [ ] a", "  b", "```"]))).map("\n".join))
def test_nothing_is_lost_whatever_is_written(body: str) -> None:
    blocks = parse_runbook(body)
    steps = [block for block in blocks if isinstance(block, RunbookStep)]
    assert [step.position for step in steps] == list(range(len(steps)))
    kept = "".join(
        block.text + (block.details if isinstance(block, RunbookStep) else "") for block in blocks
    )
    left_out = sum(len(line) for line in body.split("\n")) - len(kept.replace("\n", ""))
    assert left_out >= 0
    for word in ("evil.example", "heading", "quote"):
        assert kept.count(word) == body.count(word)


def test_those_that_come_with_the_product_can_be_worked() -> None:
    for key, one in read_shipped().items():
        steps = steps_of(one.body)
        assert 8 <= len(steps) <= MOST_STEPS_OF_RUNBOOK, key
        assert len({step.text for step in steps}) == len(steps), key
        assert "client" in one.body or "person" in one.body, f"{key} forgets whom to tell"
    names = [one.name for one in read_shipped().values()]
    assert len(set(names)) == len(names) > 15


def test_a_head_and_a_text() -> None:
    text = (
        "name: A: b\nposition: 3\nkinds: a, b,\nseverities:\nplatforms: linux\n\n# T\n\n- [ ] x\n"
    )
    one = parse_shipped_runbook("key", text)
    assert (one.name, one.position, one.kinds, one.severities) == ("A: b", 3, ("a", "b"), ())
    assert (one.platforms, one.body) == (("linux",), "# T\n\n- [ ] x")
    for wrong in ("", text.replace("3", "x"), text.replace("kinds", "kind")):
        with pytest.raises(ShippedTextError, match="key"):
            parse_shipped_runbook("key", wrong)
