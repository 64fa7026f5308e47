"""The cipher by itself: what a stored value is bound to, which keys are used, when they change."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from webapp.crypto import (
    Cipher,
    DecryptionError,
    Key,
    ValuePlace,
    Why,
    generate_key,
    key_id,
    write_key_file,
)

OLD, NEW = generate_key(), generate_key()
HERE = ValuePlace("connections.api_key", 7)
ELSEWHERE = (
    ValuePlace("connections.api_key", 8),
    ValuePlace("connections.api_secret", 7),
    ValuePlace("notification_targets.secrets", 7),
    ValuePlace("connections.api_key", 77),
)


def cipher_with(*keys: str, file: Path | None = None) -> Cipher:
    cipher = Cipher()
    cipher.configure(keys, file)
    return cipher


def why_not(cipher: Cipher, stored: str, place: ValuePlace = HERE) -> Why:
    with pytest.raises(DecryptionError) as caught:
        cipher.decrypt(stored, place)
    return caught.value.why


@given(st.text(), st.integers(min_value=1))
def test_what_is_encrypted_is_read_in_its_place(text: str, row: int) -> None:
    cipher, place = cipher_with(NEW), ValuePlace("a.b", row)
    assert cipher.decrypt(cipher.encrypt(text, place), place) == text


def test_the_form_is_as_the_inventory_says() -> None:
    """Opened without the product's code: AES-256-GCM, the key by HKDF, the place authenticated."""
    stored = cipher_with(NEW, OLD).encrypt("hunter2", HERE)
    form, used, encoded = stored.split(":")
    raw = urlsafe_b64decode(NEW)
    assert (form, used) == ("v2", sha256(raw).hexdigest()[:8])
    sealed = urlsafe_b64decode(encoded)
    assert len(sealed) == 12 + len("hunter2") + 16
    derived = HKDF(SHA256(), 32, None, b"triagedesk encrypted columns v2").derive(raw)
    seal = b"triagedesk v2\0connections.api_key\0007"
    assert AESGCM(derived).decrypt(sealed[:12], sealed[12:], seal) == b"hunter2"


def test_no_two_values_have_one_nonce() -> None:
    cipher = cipher_with(NEW)
    assert len({cipher.encrypt("x", HERE) for _ in range(500)}) == 500


@pytest.mark.parametrize("place", ELSEWHERE, ids=str)
def test_in_another_place_it_cannot_be_read_and_says_why(place: ValuePlace) -> None:
    cipher = cipher_with(NEW)
    assert why_not(cipher, cipher.encrypt("hunter2", HERE), place) is Why.NOT_ITS_OWN


def test_a_value_of_which_any_bit_was_changed_cannot_be_read() -> None:
    cipher = cipher_with(NEW)
    form, used, encoded = cipher.encrypt("hunter2", HERE).split(":")
    sealed = urlsafe_b64decode(encoded)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        stored = f"{form}:{used}:{urlsafe_b64encode(changed).decode()}"
        assert why_not(cipher, stored) is Why.NOT_ITS_OWN


@pytest.mark.parametrize("rest", ["", "AAAA", "not base64!", "ÿ", "A" * 15, "=" * 40])
def test_nonsense_behind_a_known_key_is_refused_in_words(rest: str) -> None:
    assert why_not(cipher_with(NEW), f"v2:{key_id(NEW)}:{rest}") is Why.NOT_ITS_OWN


@given(st.text(max_size=60))
def test_nothing_that_may_be_stored_makes_it_fall(stored: str) -> None:
    with pytest.raises(DecryptionError):
        cipher_with(NEW).decrypt(stored, HERE)


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old = cipher_with(OLD).encrypt("hunter2", HERE)
    both = cipher_with(NEW, OLD)
    assert both.open(old, HERE) == ("hunter2", key_id(OLD))
    assert both.open(both.encrypt("hunter2", HERE), HERE) == ("hunter2", key_id(NEW))
    assert both.key_ids == (key_id(NEW), key_id(OLD))
    assert why_not(cipher_with(NEW), old) is Why.NO_KEY


def test_the_old_form_is_read_with_the_same_keys() -> None:
    token = Fernet(OLD).encrypt(b"hunter2").decode()
    cipher = cipher_with(NEW, OLD)
    assert cipher.open(token, HERE) == ("hunter2", key_id(OLD))
    assert not cipher.is_up_to_date(token)
    assert cipher.is_up_to_date(cipher.encrypt("hunter2", HERE))
    assert not cipher.is_up_to_date(cipher_with(OLD).encrypt("hunter2", HERE))
    assert why_not(cipher_with(NEW), token) is Why.NO_KEY


@pytest.mark.parametrize("text", ["", "short", "A" * 44, "é" * 44, "A" * 40])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Key(text)


def test_without_keys_nothing_is_done() -> None:
    with pytest.raises(RuntimeError, match="not configured"):
        Cipher().encrypt("x", HERE)


class TestKeyFile:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "encryption.keys"
        write_key_file(path, f"{OLD}\n")
        return path

    def test_a_new_key_is_used_from_the_next_value_on(self, file: Path) -> None:
        cipher = cipher_with(OLD, file=file)
        assert cipher.is_up_to_date(cipher.encrypt("x", HERE))
        write_key_file(file, f"{NEW}\n{OLD}\n")
        assert cipher.open(cipher.encrypt("x", HERE), HERE)[1] == key_id(NEW)

    def test_a_value_of_an_unknown_key_makes_it_look(self, file: Path) -> None:
        cipher = cipher_with(OLD, file=file)
        write_key_file(file, f"{NEW}\n{OLD}\n")
        stored = cipher_with(NEW).encrypt("x", HERE)
        assert cipher.decrypt(stored, HERE) == "x"
        write_key_file(file, f"{NEW}\n")
        assert cipher.key_ids == (key_id(NEW),)

    def test_so_does_a_value_of_the_old_form(self, file: Path) -> None:
        cipher = cipher_with(OLD, file=file)
        write_key_file(file, f"{NEW}\n{OLD}\n")
        assert cipher.decrypt(Fernet(NEW).encrypt(b"x").decode(), HERE) == "x"

    @pytest.mark.parametrize("content", ["", "nonsense", None])
    def test_a_file_that_is_of_no_use_changes_nothing(
        self, file: Path, content: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        cipher = cipher_with(OLD, file=file)
        stored = cipher.encrypt("x", HERE)
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
        assert cipher.decrypt(cipher.encrypt("x", HERE), HERE) == cipher.decrypt(stored, HERE)
        assert ("cannot be used" in caplog.text) is (content is not None)
        assert OLD not in caplog.text
        assert "nonsense" not in caplog.text

    def test_it_is_for_its_user_alone_and_replaced_in_one_step(self, file: Path) -> None:
        assert file.stat().st_mode & 0o777 == 0o600
        before = file.stat().st_ino
        with file.open() as open_before:
            write_key_file(file, f"{NEW}\n")
            assert open_before.read() == f"{OLD}\n"
        assert file.stat().st_ino != before
        assert os.listdir(file.parent) == [file.name]
