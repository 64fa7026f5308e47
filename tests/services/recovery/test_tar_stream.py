"""Archives: what is written opens with `tar`, and pieces may be cut anywhere."""

import io
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.recovery.scratch import BackupError
from webapp.services.recovery.tar_stream import (
    ArchiveMember,
    ArchiveSink,
    PieceSource,
    write_archive,
)

SIZES = st.sampled_from((0, 1, 511, 512, 513, 4096)) | st.integers(0, 3000)


class Taken:
    """Keeps the members of an archive."""

    def __init__(self) -> None:
        self.members: dict[str, bytes] = {}
        self.ended: list[str] = []
        self._name = ""

    def begin(self, name: str, size: int) -> None:
        self._name = name
        self.members[name] = b""
        self.size = size

    def take(self, data: bytes) -> None:
        self.members[self._name] += data

    def end(self) -> None:
        assert len(self.members[self._name]) == self.size
        self.ended.append(self._name)


def archive_of(members: dict[str, bytes], level: int = 1) -> bytes:
    wanted = [ArchiveMember(name, data) for name, data in members.items()]
    return b"".join(write_archive(wanted, modified_at=0, level=level))


def read(data: bytes, cut: int = 1000) -> Taken:
    taken = Taken()
    sink = ArchiveSink(taken, lambda: None)
    for start in range(0, len(data), cut):
        sink.write(data[start : start + cut])
    sink.close()
    return taken


@given(st.lists(SIZES, max_size=5), st.integers(1, 700), st.sampled_from((0, 1)))
def test_what_is_written_is_read_back_however_it_is_cut(
    sizes: list[int], cut: int, level: int
) -> None:
    members = {f"m{n}": random.Random(n).randbytes(size) for n, size in enumerate(sizes)}
    data = archive_of(members, level)
    taken = read(data, cut)
    assert taken.members == members
    assert taken.ended == list(members)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        assert archive.getnames() == list(members)


def test_zeros_take_no_more_memory_than_others() -> None:
    large = archive_of({"zeros": bytes(30_000_000)})
    assert len(large) < 200_000
    pieces: list[int] = []

    class Counting(Taken):
        def take(self, data: bytes) -> None:
            pieces.append(len(data))

        def end(self) -> None: ...

    sink = ArchiveSink(Counting(), lambda: None)
    sink.write(large)
    sink.close()
    assert sum(pieces) == 30_000_000
    assert max(pieces) <= 1024 * 1024


def test_a_file_that_changes_meanwhile_is_found(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x" * 10)
    member = ArchiveMember("growing", path)

    class Growing(ArchiveMember):
        @property
        def size(self) -> int:
            return 5

    with pytest.raises(BackupError, match="growing changed while it was read"):
        list(write_archive([Growing("growing", path)], modified_at=0, level=0))
    assert member.size == 10


@pytest.mark.parametrize("data", [b"", b"no gzip at all", archive_of({"a": b"x"})[:-20]])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(BackupError):
        read(data)


def test_links_and_folders_are_refused() -> None:
    for kind in (tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.LNKTYPE):
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w:gz") as archive:
            entry = tarfile.TarInfo("../../etc/passwd")
            entry.type = kind
            archive.addfile(entry)
        with pytest.raises(BackupError, match="not an archive of a backup"):
            read(sink.getvalue())


def test_pieces_are_read_like_a_file() -> None:
    beats: list[int] = []
    source = PieceSource(iter([b"abc", b"", b"defgh"]), lambda: beats.append(1))
    assert [source.read(2), source.read(2), source.read(100), source.read(1)] == [
        *(b"ab", b"c", b"defgh", b"")
    ]
    assert len(beats) == 3
