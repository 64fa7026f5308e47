"""The mark of tickets whose incident rose above the priority that a person chose."""

import itertools

from webapp.domain.triage.raised import mark_raised


def test_every_case() -> None:
    for present, rise, chosen, above in itertools.product(
        (None, "high"), (False, True), (False, True), (False, True)
    ):
        mark = mark_raised(present, "critical", is_rise=rise, is_chosen=chosen, is_above=above)
        if not chosen or not above:
            assert mark is None
        elif rise:
            assert mark == "critical"
        else:
            assert mark == present, "another update of the report keeps it"
