"""ZIP files that are written while they are read: nothing is kept in memory but one batch.

Each list is in the file twice: as JSON with everything, and as CSV for spreadsheets.
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from webapp.domain.csv_text import BYTE_ORDER_MARK, csv_time, write_csv_line

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ArchiveList:
    """A list of an archive: its name, its columns, and a way to read its records (twice).

    `only_json` are columns that are too large for a spreadsheet.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[], Iterable[Record]]
    only_json: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file inside an archive: its path in there, and its bytes piece by piece."""

    path: str
    parts: Iterable[bytes]


class _Outbox:
    """What the ZIP writer writes to: it is handed on as soon as there is something."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def write_zip_archive(
    readme: str,
    sections: Iterable[ArchiveList],
    made_at: datetime,
    more: Iterable[ArchiveFile] = (),
) -> Iterator[bytes]:
    """Return the bytes of a ZIP file with a README, two files for each section, and `more`."""
    outbox: Any = _Outbox()
    moment = made_at.timetuple()[:6]
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in chain(_files(readme, sections), more):
            info = zipfile.ZipInfo(file.path, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            with archive.open(info, "w", force_zip64=True) as entry:
                for part in file.parts:
                    entry.write(part)
                    if data := outbox.take():
                        yield data
    yield outbox.take()


def write_document(sections: Iterable[ArchiveList]) -> Iterator[bytes]:
    """Return the bytes of one JSON document (UTF-8) with a list for each section."""
    yield b"{"
    for number, section in enumerate(sections):
        yield f"{',' if number else ''}\n{json.dumps(section.name)}: ".encode()
        for line in _json_lines(section):
            yield line.encode("utf-8", "replace")
    yield b"}\n"


def write_json(value: object) -> str:
    """Return a value as JSON; times are in ISO format."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _files(readme: str, sections: Iterable[ArchiveList]) -> Iterator[ArchiveFile]:
    yield ArchiveFile("README.txt", _encode((readme,)))
    for section in sections:
        yield ArchiveFile(f"{section.name}.json", _encode(_json_lines(section)))
        yield ArchiveFile(f"{section.name}.csv", _encode(_csv_lines(section)))


def _encode(lines: Iterable[str]) -> Iterator[bytes]:
    return (line.encode("utf-8", "replace") for line in lines)


def _json_lines(section: ArchiveList) -> Iterator[str]:
    yield "["
    for number, record in enumerate(section.read()):
        values = {name: record[name] for name in (*section.columns, *section.only_json)}
        yield f"{',' if number else ''}\n{write_json(values)}"
    yield "\n]\n"


def _csv_lines(section: ArchiveList) -> Iterator[str]:
    yield BYTE_ORDER_MARK + write_csv_line(section.columns)
    for record in section.read():
        yield write_csv_line(_cell(record[name]) for name in section.columns)


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return csv_time(value)
    return write_json(value) if isinstance(value, dict | list) else value


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)
