"""Similar names are offered, the closest first; different ones are not."""

import pytest

from webapp.services.mapping.suggest_clients import SimilarClients

CLIENTS = [
    "Acme Dental",
    "Acme Dental Group GmbH",
    "Acme Dental (North)",
    "Acme Dental of Springfield",
    "Apex Dental",
    "Globex Corporation",
    "Smith and Sons",
    "Müller & Söhne",
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ACME DENTAL LLC", ["Acme Dental", "Acme Dental Group GmbH", "Acme Dental (North)"]),
        ("Globx Corp", ["Globex Corporation"]),
        ("Smith & Sons, Inc.", ["Smith and Sons"]),
        ("Sons Smith", ["Smith and Sons"]),
        ("muller sohne", ["Müller & Söhne"]),
        ("Initech", []),
        ("Group", []),
        ("!!!", []),
        ("", []),
    ],
)
def test_suggestions(name: str, expected: list[str]) -> None:
    assert SimilarClients(CLIENTS).suggest(name) == expected


def test_without_clients_there_is_nothing_to_offer() -> None:
    assert SimilarClients([]).suggest("Acme") == []


def test_the_names_are_given_back_as_they_are_written() -> None:
    assert SimilarClients(["  ACME   dental "]).suggest("Acme Dental") == ["  ACME   dental "]
