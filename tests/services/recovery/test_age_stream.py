"""The age format: what is written here opens with another library, and the other way round."""

import io

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.recovery.places import PASSPHRASE
from webapp.services.recovery import age_stream
from webapp.services.recovery.age_stream import (
    CHUNK,
    AgeFileError,
    WrongPassphraseError,
    decrypt_with_passphrase,
    encrypt_with_passphrase,
    is_for_passphrase,
)

EDGES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1)


class Crumbs(io.BytesIO):
    """A file that gives less than it is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000))


def sealed(data: bytes, passphrase: str = PASSPHRASE) -> bytes:
    sink = io.BytesIO()
    encrypt_with_passphrase(Crumbs(data), sink, passphrase)
    return sink.getvalue()


def opened(data: bytes, passphrase: str = PASSPHRASE) -> bytes:
    sink = io.BytesIO()
    decrypt_with_passphrase(Crumbs(data), sink, passphrase)
    return sink.getvalue()


@given(size=st.sampled_from(EDGES) | st.integers(0, 3 * CHUNK), byte=st.integers(0, 255))
@settings(max_examples=40)
def test_another_library_opens_what_is_written_here(size: int, byte: int) -> None:
    data = bytes([byte]) * size
    assert pyrage.passphrase.decrypt(sealed(data), PASSPHRASE) == data
    assert opened(sealed(data)) == data


@pytest.mark.parametrize(
    "size", [CHUNK + 1, *(pytest.param(size, marks=pytest.mark.soak) for size in (0, CHUNK))]
)
def test_what_another_library_writes_opens_here(size: int) -> None:
    data = b"x" * size
    theirs = pyrage.passphrase.encrypt(data, PASSPHRASE)
    assert is_for_passphrase(theirs[:200])
    assert opened(theirs) == data


def test_a_real_file_costs_a_guess_what_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert f" {age_stream.WORK_FACTOR}\n".encode() in sealed(b"")[:120]
    assert age_stream.WORK_FACTOR == 17


DATA = bytes(range(256)) * 600  # two chunks and a piece
FILE_REGIONS = ("intro", "stanza", "work", "key", "seal", "nonce", "first", "middle", "last", "tag")


def place_of(region: str, data: bytes) -> int:
    lines = data.split(b"\n", 4)
    starts = [0]
    for line in lines[:4]:
        starts.append(starts[-1] + len(line) + 1)
    body = starts[4]
    return {
        "intro": 3,
        "stanza": starts[1] + 15,
        "work": starts[1] + len(lines[1]) - 1,
        "key": starts[2] + 10,
        "seal": starts[3] + 20,
        "nonce": body + 5,
        "first": body + 16 + 7,
        "middle": body + 16 + CHUNK + 16 + 500,
        "last": len(data) - 20,
        "tag": len(data) - 1,
    }[region]


@pytest.mark.parametrize("region", FILE_REGIONS)
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_is_found_wherever_it_is(region: str, bit: int) -> None:
    data = bytearray(sealed(DATA))
    data[place_of(region, bytes(data))] ^= 1 << bit
    with pytest.raises(AgeFileError):
        opened(bytes(data))


@given(st.data())
@settings(max_examples=60)
def test_a_changed_or_missing_byte_is_found_anywhere(data: st.DataObject) -> None:
    whole = sealed(b"y" * (CHUNK + 50))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    for broken in (bytes(changed), whole[:at], whole + b"z"):
        with pytest.raises(AgeFileError):
            opened(broken)


def test_chunks_cannot_change_places() -> None:
    whole = sealed(b"a" * CHUNK + b"b" * CHUNK + b"c")
    body = whole.index(b"\n--- ") + 49 + 16
    first, second = (whole[body + n * (CHUNK + 16) :][: CHUNK + 16] for n in (0, 1))
    with pytest.raises(AgeFileError, match="damaged"):
        opened(whole.replace(first + second, second + first))


def test_a_wrong_passphrase_and_other_files_are_told_apart() -> None:
    with pytest.raises(WrongPassphraseError, match="does not fit"):
        opened(sealed(b"data"), "another passphrase")
    with pytest.raises(AgeFileError, match="not a file in the age format"):
        opened(b"PK\x03\x04" + b"\0" * 300)
    with pytest.raises(AgeFileError, match="not a file in the age format"):
        opened(b"")
    recipient = pyrage.x25519.Identity.generate().to_public()
    with pytest.raises(AgeFileError, match="not opened by a passphrase"):
        opened(pyrage.encrypt(b"data", [recipient]))


def test_a_file_that_asks_for_all_memory_is_refused() -> None:
    greedy = sealed(b"").replace(b" 2\n", b" 30\n", 1)
    with pytest.raises(AgeFileError, match="would take 1048576 MB of memory"):
        opened(greedy)
