"""Passkeys: only what belongs to the question, the site and the person is taken."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events, fresh
from tests.support.security.factors import require_factors, set_up_passkey
from tests.support.security.passkeys import PRESENT, SoftPasskey, text
from tests.support.security.sessions import begin
from webapp.models import Passkey, SecurityNote, User
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.people.factors.own_factors import add_own_passkey, remove_own_passkey
from webapp.services.people.factors.passkey_answers import PasskeyError
from webapp.services.people.factors.passkeys import (
    MOST_PASSKEYS,
    CopiedPasskeyError,
    ask_for_any_passkey,
    ask_for_own_passkey,
    ask_to_make_passkey,
    read_own_passkey,
    rename_passkey,
)
from webapp.services.people.factors.second_step import sign_in_with_passkey
from webapp.services.people.factors.stored_factors import FactorRequiredError
from webapp.services.people.sessions import Factor, Method
from webapp.services.people.users import deactivate_user

NOT_ACCEPTED = "was not accepted"


def enter(passkey: SoftPasskey, **changes: Any) -> int:
    """Sign in with a passkey alone; returns who it was."""
    question = ask_for_any_passkey()
    return sign_in_with_passkey(question.token, passkey.show(question.options, **changes)).user_id


def refuse_new(user: User, passkey: SoftPasskey, **changes: Any) -> None:
    question = ask_to_make_passkey(user.id)
    answer = passkey.make(question.options, **changes)
    with pytest.raises(PasskeyError, match=NOT_ACCEPTED):
        add_own_passkey(user.id, question.token, answer, None, kept_token=begin(user.id))
    assert all_rows(Passkey) == []


@both_databases
def test_a_passkey_is_made_and_signs_in_without_a_password(
    ada: User, fake_clock: FakeClock
) -> None:
    passkey, made = set_up_passkey(ada.id)
    assert len(made.codes) == 10
    [row] = all_rows(Passkey)
    assert (row.name, row.transports, row.sign_count) == ("Laptop", "internal", 0)
    fake_clock.advance(hours=1)
    question = ask_for_any_passkey()
    assert question.options["userVerification"] == "required"
    assert question.options["allowCredentials"] == []
    passed = sign_in_with_passkey(question.token, passkey.show(question.options))
    assert (passed.user_id, passed.method, passed.factor) == (
        ada.id,
        Method.PASSKEY,
        Factor.PASSKEY,
    )
    row = fresh(Passkey, row.id)
    assert (row.sign_count, row.last_used_at) == (1, fake_clock.now())


def test_what_the_browser_is_asked(ada: User) -> None:
    options = ask_to_make_passkey(ada.id).options
    assert options["rp"] == {"name": "Triagedesk", "id": "localhost"}
    assert options["authenticatorSelection"]["residentKey"] == "preferred"
    assert options["authenticatorSelection"]["userVerification"] == "preferred"
    assert options["attestation"] == "none"
    assert options["user"]["name"] == "ada@example.com"
    assert "ada" not in options["user"]["id"], "what passkeys know a person by says nothing"
    assert ask_to_make_passkey(ada.id).options["user"]["id"] == options["user"]["id"]
    assert ask_to_make_passkey(ada.id).options["challenge"] != options["challenge"]


def test_a_passkey_that_is_known_is_not_made_again(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id)
    question = ask_to_make_passkey(ada.id)
    [known] = question.options["excludeCredentials"]
    assert known["id"] == text(passkey.credential_id)
    answer = passkey.make(question.options)
    with pytest.raises(PasskeyError, match="added before"):
        add_own_passkey(ada.id, question.token, answer, None, kept_token=begin(ada.id))


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "http://localhost:8001"},
        {"origin": "https://localhost:8000"},
        {"origin": "http://evil.example"},
        {"domain": "evil.example"},
        {"flags": 0},
    ],
    ids=["port", "scheme", "origin", "site", "nobody there"],
)
def test_neither_made_nor_shown_for_another_site(ada: User, lie: dict[str, Any]) -> None:
    refuse_new(ada, SoftPasskey(**lie))
    passkey, _ = set_up_passkey(ada.id)
    assert enter(passkey) == ada.id
    for name, value in lie.items():
        setattr(passkey, name, value)
    with pytest.raises(PasskeyError, match=NOT_ACCEPTED):
        enter(passkey)


def test_a_challenge_is_the_one_that_was_asked(ada: User) -> None:
    refuse_new(ada, SoftPasskey(), clientDataJSON=text(b"{}"))
    passkey, _ = set_up_passkey(ada.id)
    asked, other = ask_for_any_passkey(), ask_for_any_passkey()
    with pytest.raises(PasskeyError, match=NOT_ACCEPTED):
        sign_in_with_passkey(asked.token, passkey.show(other.options))


@both_databases
def test_an_answer_is_taken_once(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id, counts=False)
    question = ask_for_any_passkey()
    answer = passkey.show(question.options)
    assert sign_in_with_passkey(question.token, answer).user_id == ada.id
    with pytest.raises(PasskeyError, match="too late, or was used already"):
        sign_in_with_passkey(question.token, answer)


def test_an_answer_comes_within_ten_minutes(ada: User, fake_clock: FakeClock) -> None:
    passkey, _ = set_up_passkey(ada.id)
    question = ask_for_any_passkey()
    fake_clock.advance(minutes=11)
    with pytest.raises(PasskeyError, match="too late, or was used already"):
        sign_in_with_passkey(question.token, passkey.show(question.options))


def test_without_a_password_the_passkey_has_to_be_unlocked(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id)
    passkey.flags = PRESENT
    with pytest.raises(PasskeyError, match=NOT_ACCEPTED):
        enter(passkey)


def test_without_a_password_the_passkey_names_its_owner(ada: User, bo: User) -> None:
    passkey, _ = set_up_passkey(ada.id)
    of_bo, _ = set_up_passkey(bo.id)
    for handle in (None, "", of_bo.handle, "bm9ib2R5"):
        passkey.handle = handle
        with pytest.raises(PasskeyError):
            enter(passkey)


def test_a_forged_signature(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id)
    passkey.key = SoftPasskey().key
    with pytest.raises(PasskeyError, match=NOT_ACCEPTED):
        enter(passkey)
    with pytest.raises(PasskeyError, match="not known here"):
        enter(SoftPasskey(handle=passkey.handle))


def test_somebody_deactivated_is_not_known(ada: User, bo: User) -> None:
    passkey, _ = set_up_passkey(bo.id)
    deactivate_user(bo.id)
    with pytest.raises(PasskeyError, match="not known here"):
        enter(passkey)


@both_databases
def test_a_copied_passkey_is_refused_and_told(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id)
    assert enter(passkey) == ada.id
    copy = SoftPasskey(**{name: getattr(passkey, name) for name in vars(passkey)})
    assert enter(passkey) == ada.id
    with pytest.raises(CopiedPasskeyError, match="copied"):
        enter(copy)
    assert all_rows(Passkey)[0].sign_count == 2, "the counter stays"
    [event] = [one for one in audit_events() if one.action == "factor.copy_suspected"]
    assert event.subject_id == str(ada.id)
    [note] = all_rows(SecurityNote, SecurityNote.seen_at.is_(None))
    assert "“Laptop” was refused" in note.sentence


def test_a_passkey_that_never_counts_goes_on(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id, counts=False)
    assert [enter(passkey) for _ in range(3)] == [ada.id] * 3


def test_names(ada: User, bo: User) -> None:
    set_up_passkey(ada.id, name=" ")
    [row] = all_rows(Passkey)
    assert row.name == "Passkey 1"
    rename_passkey(ada.id, row.id, "  Key on the\nkey ring ")
    assert read_own_passkey(ada.id, row.id).name == "Key on the key ring"
    for name in ("", " ", "x" * 201):
        with pytest.raises(FieldError):
            rename_passkey(ada.id, row.id, name)
    for user_id, passkey_id in ((bo.id, row.id), (ada.id, row.id + 1), (ada.id, 2**40)):
        with pytest.raises(NotFoundError):
            rename_passkey(user_id, passkey_id, "Mine")
        with pytest.raises(NotFoundError):
            remove_own_passkey(user_id, passkey_id, kept_token=begin(user_id))


def test_the_last_one_stays_where_a_factor_is_needed(ada: User) -> None:
    require_factors()
    _, added = set_up_passkey(ada.id)
    _, added = set_up_passkey(ada.id, added.token, name="Phone")
    first, second = all_rows(Passkey)
    removed = remove_own_passkey(ada.id, first.id, kept_token=added.token)
    assert removed.name == "Laptop"
    with pytest.raises(FactorRequiredError):
        remove_own_passkey(ada.id, second.id, kept_token=removed.token)
    assert [row.name for row in all_rows(Passkey)] == ["Phone"]


def test_there_is_an_end_to_passkeys(ada: User) -> None:
    for _ in range(MOST_PASSKEYS):
        set_up_passkey(ada.id)
    with pytest.raises(PasskeyError, match="remove one first"):
        ask_to_make_passkey(ada.id)


def test_a_question_for_one_person_is_not_answered_by_another(ada: User, bo: User) -> None:
    question = ask_to_make_passkey(ada.id)
    answer = SoftPasskey().make(question.options)
    with pytest.raises(PasskeyError):
        add_own_passkey(bo.id, question.token, answer, None, kept_token=begin(bo.id))


def test_addresses_without_passkeys_say_so(ada: User) -> None:
    require_factors(public_url="http://desk.example.com")
    for ask in (
        lambda: ask_to_make_passkey(ada.id),
        ask_for_any_passkey,
    ):
        with pytest.raises(PasskeyError, match=r"desk\.example\.com: browsers allow them only"):
            ask()


def test_who_has_none_is_asked_for_none(ada: User) -> None:
    with pytest.raises(PasskeyError, match="no passkey of this account"):
        ask_for_own_passkey(ada.id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    key=st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "attestationObject"]),
    value=JSON,
)
def test_a_hostile_answer_ends_in_a_sentence(ada: User, key: str, value: object) -> None:
    question = ask_to_make_passkey(ada.id)
    answer = json.loads(SoftPasskey().make(question.options))
    inner = answer["response"] if key in answer["response"] else answer
    if inner[key] == value:
        return
    inner[key] = value
    with pytest.raises(PasskeyError):
        add_own_passkey(ada.id, question.token, json.dumps(answer), None, kept_token=begin(ada.id))


@pytest.mark.parametrize(
    "answer", ["", "[]", "null", "{", "[" * 100_000, '{"id": 7}', '{"id": "x"}', "\ud800", "\x00"]
)
def test_what_is_no_answer_at_all(ada: User, answer: str) -> None:
    passkey, _ = set_up_passkey(ada.id)
    with pytest.raises(PasskeyError):
        sign_in_with_passkey(ask_for_any_passkey().token, answer)
    with pytest.raises(PasskeyError):
        add_own_passkey(
            ada.id, ask_to_make_passkey(ada.id).token, answer, None, kept_token=begin(ada.id)
        )
    for field in ("authenticatorData", "signature", "clientDataJSON"):
        for value in ("", "AAAA", "!", 7, None, []):
            with pytest.raises(PasskeyError):
                enter(passkey, **{field: value})


@both_databases
@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "ä", "x" * 5000, "", "'"])
def test_an_id_that_is_no_text_for_the_database(ada: User, name: str) -> None:
    answer = json.dumps({"id": name, "response": {}})
    with pytest.raises(PasskeyError):
        sign_in_with_passkey(ask_for_any_passkey().token, answer)
