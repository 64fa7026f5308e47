"""What the search knows of a report: all that people read in it, and not more than is bounded."""

from webapp.domain.incident import parse_incident
from webapp.domain.searching.report_words import REPORT_WORDS_LENGTH, words_of_report


def test_summary_remediations_and_body_are_words() -> None:
    incident = parse_incident(
        {
            "id": 1,
            "summary": "A wombat ran.",
            "body": "<p>Seen on <b>numbat</b></p><script>hidden()</script>",
            "remediations": [
                {"id": 1, "type": "isolate", "action": "kill", "details": {"path": r"C:\quoll.exe"}}
            ],
        }
    )
    words = words_of_report(incident) or ""
    for word in ("wombat", "numbat"):
        assert word in words
    assert "hidden" not in words


def test_an_empty_report_has_none_and_a_long_one_is_cut() -> None:
    assert words_of_report(parse_incident({"id": 1})) is None
    words = words_of_report(
        parse_incident({"id": 1, "summary": "x " * 30_000, "body": "y" * 99_000})
    )
    assert words is not None
    assert len(words) <= REPORT_WORDS_LENGTH
