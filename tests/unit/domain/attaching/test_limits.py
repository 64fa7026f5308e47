"""What a ticket takes of files, at each limit and a step beyond it."""

import pytest

from webapp.domain.attaching.limits import (
    FILES_AT_ONCE,
    MEGABYTE,
    MOST_FILES,
    FileLimits,
    file_size,
    find_too_large,
    find_too_many,
)

LIMITS = FileLimits()


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "“x” is empty."),
        (1, None),
        (10 * MEGABYTE, None),
        (10 * MEGABYTE + 1, "“x” is larger than 10 MB."),
    ],
)
def test_one_file(size: int, words: str | None) -> None:
    assert find_too_large("x", size, LIMITS) == words


@pytest.mark.parametrize(
    ("sizes", "files", "held", "is_taken"),
    [
        ([1] * FILES_AT_ONCE, 0, 0, True),
        ([1] * (FILES_AT_ONCE + 1), 0, 0, False),
        ([1], MOST_FILES - 1, 0, True),
        ([1], MOST_FILES, 0, False),
        ([1, 1], 3, 100 * MEGABYTE - 2, True),
        ([1, 2], 3, 100 * MEGABYTE - 2, False),
    ],
)
def test_all_files_of_a_ticket(sizes: list[int], files: int, held: int, is_taken: bool) -> None:
    assert (find_too_many(sizes, files, held, LIMITS) is None) is is_taken


@pytest.mark.parametrize(
    ("size", "words"),
    [
        *((1, "1 byte"), (900, "900 bytes"), (17 * 1024, "17 KB"), (10 * MEGABYTE, "10 MB")),
        (int(3.25 * MEGABYTE), "3.2 MB"),
    ],
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert file_size(size) == words
