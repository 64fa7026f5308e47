"""Common passwords, their strength in a word, and that judging any of them is quick and safe."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fake_clock import FakeClock
from tests.support.rows import add, change
from webapp import clock
from webapp.domain.security.passwords import Strength
from webapp.models import AuthenticatorApp, Passkey, User
from webapp.services.errors import NotFoundError
from webapp.services.people.password_rules import (
    LOOKED_AT,
    PasswordCheck,
    check_password,
    check_password_for,
    strength_of,
    words_about,
)
from webapp.services.people.users import add_user

WORDS = ("quillfeather", "okafor", "ada")
HOSTILE = [
    "4@8({[<369!1|70$5+%2" * 51,
    "p4@8({[<369!1|70$5+%2",
    "1²34" * 250,
    "١٩٩٩-" * 200,
    "1/1/1990" * 128,
    "aA1!" * 255 + "x",
    "İıſẞﬁ" * 204,
    "\ud800\udfff\ud801\udffe" * 256,
    "\x00\x01\x02\x03" * 256,
]


@pytest.fixture
def ada(app: Flask, fake_clock: FakeClock) -> User:
    return add_user(email="ada@example.com", name="Ada", password="correct horse", role="admin")


BESIDE = ((), ("ozymandias",))


def strength_beside(words: tuple[str, ...]) -> Strength:
    """Of one password, as its owner's words are these."""
    return check_password("Ozymandiasa1b2c3", context=words, has_factor=False).strength


def check(password: str, *, has_factor: bool = False) -> PasswordCheck:
    return check_password(password, context=WORDS, has_factor=has_factor)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("password1234", "a common password"),
        ("Password123!", "a common password"),
        ("qwertyuiop12", "a common password"),
        ("iloveyou1234", "a common password"),
        ("123456789012", "a common password"),
        ("1q2w3e4r5t6y", "a common password"),
        ("zxcvbnm,./as", "keys that lie side by side"),
        ("abcdefghijklmnop", "a row such as abc or 6543"),
        ("quillfeather123456", "your name, your address or the product"),
    ],
)
def test_what_is_common_is_refused_in_words(password: str, reason: str) -> None:
    found = check(password)
    assert found.strength is Strength.WEAK
    assert "This password is weak: " in (found.fault or "")
    assert reason in (found.fault or "")
    assert "Several words" in (found.fault or "")


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("password", "strength"),
    [
        ("vladivostok42", "fair"),
        ("correct horse", "good"),
        ("correct horse battery", "strong"),
        ("kJ8#pq2!vD5m", "strong"),
        ("fog banana 7", "good"),
        ("long enough now", "strong"),
    ],
)
def test_strength_is_a_word(password: str, strength: str) -> None:
    assert check(password) == PasswordCheck(Strength(strength))


@pytest.mark.usefixtures("app")
def test_a_second_factor_allows_short_ones_and_no_common_ones() -> None:
    assert check("kJ8#pq2!").errors() == {"password": "A password has at least 12 characters."}
    assert check("kJ8#pq2!", has_factor=True).errors("new_password") == {}
    assert "a common password" in (check("password1", has_factor=True).fault or "")


@pytest.mark.usefixtures("app")
def test_the_own_words_are_common_to_who_knows_the_person() -> None:
    assert [strength_beside(words) for words in BESIDE] == [Strength.STRONG, Strength.WEAK]


def test_the_words_are_name_address_and_host(app: Flask) -> None:
    config = app.extensions["triagedesk_config"]
    url = "https://pager.tallowreed.example:8443"
    app.extensions["triagedesk_config"] = replace(config, public_url=url)
    words = words_about(name="Ada Okafor", email="ao@mailhost.example")
    assert {"ada", "okafor", "mailhost", "pager", "tallowreed", "huntress"} <= set(words)
    assert "8443" not in words


@pytest.mark.parametrize("password", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.usefixtures("app")
def test_hostile_passwords_are_judged_in_a_moment(password: str) -> None:
    started = time.thread_time()
    check(password[:1024])
    assert time.thread_time() - started < 5


@pytest.mark.usefixtures("app")
def test_only_the_beginning_of_a_long_password_is_compared() -> None:
    random = "kJ8#pq2!vD5mZr7&wT9x"
    assert check(random * 2 + "password" * 100).strength is Strength.STRONG
    assert len(random * 2) == LOOKED_AT
    assert check("password" * 5 + random).strength is Strength.WEAK


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=3), st.booleans())
def test_every_text_is_judged(
    app: Flask, password: str, words: list[str], has_factor: bool
) -> None:
    with app.app_context():
        found = check_password(password, context=words, has_factor=has_factor)
    assert (found.fault is None) == (found.strength is not Strength.WEAK)


@contextmanager
def switching_often() -> Iterator[None]:
    """Threads take turns after a microsecond instead of five milliseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_nobody_is_judged_by_the_words_of_somebody_else(app: Flask) -> None:
    """zxcvbn keeps the words of the context in one place for all threads."""

    def judge(number: int) -> Strength:
        with app.app_context():
            return strength_beside(BESIDE[number % 2])

    with switching_often(), ThreadPoolExecutor(8) as pool:
        found = list(pool.map(judge, range(400)))
    assert set(found[0::2]) == {Strength.STRONG}
    assert set(found[1::2]) == {Strength.WEAK}


def test_a_confirmed_app_or_a_passkey_is_a_second_factor(ada: User) -> None:
    short = "kJ8#pq2!"
    app = add(AuthenticatorApp(user_id=ada.id, secret="JBSWY3DP", created_at=clock.utcnow()))
    assert check_password_for(ada.id, short).fault, "an app counts once a code has confirmed it"
    change(AuthenticatorApp, app.id, confirmed_at=clock.utcnow())
    assert check_password_for(ada.id, short) == PasswordCheck(Strength.FAIR)
    key = {"credential_id": "c", "public_key": b"k", "name": "Key", "created_at": clock.utcnow()}
    bo = add_user(email="bo@example.com", name="Bo", password="correct horse", role="admin")
    assert check_password_for(bo.id, short).fault
    add(Passkey(user_id=bo.id, **key))
    assert check_password_for(bo.id, short) == PasswordCheck(Strength.FAIR)


def test_people_are_judged_by_their_own_words(ada: User) -> None:
    assert "little more than your name" in (check_password_for(ada.id, "Ada@Example12").fault or "")
    assert strength_of(ada, "correct horse battery") is Strength.STRONG
    with pytest.raises(NotFoundError):
        check_password_for(99, "correct horse battery")
