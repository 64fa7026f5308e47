"""Recovery codes are written for people, and read as people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.recovery_code_text import (
    is_running_low,
    read_recovery_code,
    write_recovery_code,
)

SECRETS = st.binary(min_size=15, max_size=15)


@given(SECRETS, st.sampled_from(["-", " ", "", " - ", "\n"]), st.booleans())
def test_what_was_written_is_read_however_it_is_typed(
    secret: bytes, separator: str, is_upper: bool
) -> None:
    written = write_recovery_code(secret)
    typed = f" {written.replace('-', separator)} "
    assert read_recovery_code(typed.upper() if is_upper else typed) == written


@given(SECRETS, SECRETS)
def test_no_bit_is_lost(one: bytes, other: bytes) -> None:
    assert (write_recovery_code(one) == write_recovery_code(other)) == (one == other)


def test_how_a_code_looks() -> None:
    assert write_recovery_code(bytes(15)) == "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"


@pytest.mark.parametrize(
    "typed",
    ["", "123456", "aaaa-aaaa", "a" * 25, "a" * 23, "1" * 24, "ä" * 24, "a" * 100_000],
)
def test_what_is_no_code(typed: str) -> None:
    assert read_recovery_code(typed) is None


@given(st.text())
def test_whatever_is_typed_is_answered(typed: str) -> None:
    read = read_recovery_code(typed)
    assert read is None or read_recovery_code(read) == read


def test_three_are_few() -> None:
    assert [is_running_low(unused) for unused in (0, 3, 4, 10)] == [True, True, False, False]
