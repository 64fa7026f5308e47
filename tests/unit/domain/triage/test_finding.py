"""Which ticket is meant by what was typed."""

import pytest

from webapp.domain.triage.finding import Candidate, best_first

CANDIDATES = [
    Candidate(1, "TKT-000001", ("", "Acme", "Phishing at DC-01"), False),
    Candidate(2, "TKT-000002", ("DC-01", "Birch", "Ransom note"), True),
    Candidate(3, "TKT-000003", ("DC-010", "Birch", "Ransom note"), False),
    Candidate(17, "TKT-000017", ("", "Client 1", "DC-01 again"), False),
    Candidate(20, "TKT-000020", ("", "Elm", "Words only in its notes"), False),
]


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("dc-01", [3, 2, 17, 1, 20]),
        ("1", [1, 17, 3, 2, 20]),
        ("tkt-17", [17, 20, 3, 1, 2]),
        ("TKT-000002", [2, 20, 17, 3, 1]),
        ("birch", [3, 2, 20, 17, 1]),
        ("ransom birch", [3, 2, 20, 17, 1]),
        ("inc-1", [20, 17, 3, 1, 2]),
    ],
)
def test_the_best_come_first(typed: str, ids: list[int]) -> None:
    assert best_first(typed, CANDIDATES)[: len(ids)] == ids
