"""Who is meant by @name in a note."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.triage.mentions import MentionBook, Person

ANNA = Person(1, "Anna Smith", "anna@msp.example")
BEN = Person(2, "Ben Smith", "b.smith@msp.example")
BENNO = Person(3, "Benno", "benno@msp.example")
JOSE = Person(4, "José María", "jose-m@msp.example")
OTHER_ANNA = Person(5, "Anna Jones", "aj@msp.example")
DESK = MentionBook((ANNA, BEN, BENNO, JOSE))


def found(text: str, book: MentionBook = DESK) -> list[tuple[int, str]]:
    """The person and the words of each mention in a text."""
    mentions = [(at, book.mention_at(text, at)) for at in range(len(text))]
    return [(one.person_id, text[at : one.end]) for at, one in mentions if one is not None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@anna", [(1, "@anna")]),
        ("@ANNA, look", [(1, "@ANNA")]),
        ("@Anna Smith look", [(1, "@Anna Smith")]),
        ("@Anna Smithers", [(1, "@Anna")]),
        ("@Anna's", [(1, "@Anna")]),
        ("@b.smith.", [(2, "@b.smith")]),
        ("@ben and @benno", [(2, "@ben"), (3, "@benno")]),
        ("(@jose-m)", [(4, "@jose-m")]),
        ("@josé", [(4, "@josé")]),
        ("@José María!", [(4, "@José María")]),
        ('@"Anna Smith"', [(1, '@"Anna Smith"')]),
        ("@“ben smith”", [(2, "@“ben smith”")]),
        ('@"anna  smith"', [(1, '@"anna  smith"')]),
        ("@anna@msp.example", [(1, "@anna@msp.example")]),
        ("**@anna**", [(1, "@anna")]),
        ("thanks,@anna", [(1, "@anna")]),
        ("line\n@anna", [(1, "@anna")]),
    ],
)
def test_who_is_meant(text: str, expected: list[tuple[int, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "@ anna", "anna", "@annabel", "@anna_x", "@anna1", "@@anna", "@anna.smith"),
        *("mail anna@anna.example", "x.@anna", "-@anna", "@anna@other.example", "@smith"),
        *('@"anna', '@""', '@"Nobody Here"', "@nobody", "@anna-x"),
    ],
)
def test_who_is_not_meant(text: str) -> None:
    assert found(text) == []


def test_what_could_mean_two_people_means_nobody() -> None:
    """But what is stronger stays: a full name, an address, the part of an address."""
    book = MentionBook((ANNA, OTHER_ANNA))
    assert found("@anna", book) == [(1, "@anna")], "the part before the @ is stronger"
    twins = MentionBook((Person(1, "Anna Smith", "as@a.example"), OTHER_ANNA))
    assert found("@anna", twins) == []
    assert found("@Anna Jones", twins) == [(5, "@Anna Jones")]
    same = MentionBook((Person(1, "Anna", "a@a.example"), Person(2, "Anna", "a@b.example")))
    assert found("@anna @a", same) == []
    assert found("@a@b.example", same) == [(2, "@a@b.example")]


def test_nobody_is_there() -> None:
    assert found("@anna", MentionBook()) == []


def test_what_is_suggested_means_the_person() -> None:
    same = (Person(1, "Anna", "a@a.example"), Person(2, "Anna", "a@b.example"))
    odd = (Person(3, "R. Daneel (bot)", "bot@a.example"), Person(4, " x ", "x@a.example"))
    book = MentionBook((*same, *odd, ANNA))
    assert [book.handle_of(one) for one in book.people] == [
        *("a@a.example", "a@b.example", "bot", "x", "Anna Smith")
    ]
    for one in book.people:
        assert found(f"ask @{book.handle_of(one)} now", book)[0][0] == one.id


_words = st.text(alphabet='aA bB.-ßİé@"', min_size=1, max_size=6)


@given(
    st.lists(st.tuples(_words, _words), max_size=4), st.text(alphabet='aAbB .-ßİé@"“”', max_size=20)
)
def test_whatever_names_and_text_are(names: list[tuple[str, str]], text: str) -> None:
    book = MentionBook(tuple(Person(n, *both) for n, both in enumerate(names, start=1)))
    for person_id, words in found(text, book):
        assert 1 <= person_id <= len(names)
        assert words[0] == "@"
        assert len(words) > 1
