"""Pictures are written anew: only pixels survive, and nothing that is no picture is tried."""

import io

import pytest
from PIL import Image

from tests.support.security.attached_files import HTML, SVG, bomb, picture, picture_with_position
from webapp.services.tickets.attachments.make_picture import LARGEST_SIDE, make_picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_pictures_of_each_format(kind: str) -> None:
    made = make_picture(io.BytesIO(picture(kind)))
    assert made is not None
    assert made.type == "image/png"
    assert Image.open(io.BytesIO(made.data)).size == (40, 30)


def test_only_pixels_survive_and_stand_upright() -> None:
    sent = picture_with_position()
    assert b"SECRETPLACE" in sent
    made = make_picture(io.BytesIO(sent))
    assert made is not None
    assert b"SECRETPLACE" not in made.data
    assert b"script" not in made.data
    assert Image.open(io.BytesIO(made.data)).size == (30, 40)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", HTML, SVG, b"MZ\x90\x00", b"%PDF-1.7", b"BM" + bytes(60), b"II*\x00" + bytes(60)),
        b"\x89PNG\r\n\x1a\n" + HTML,
        b"GIF89a" + HTML,
        b"\xff\xd8\xff" + SVG,
        picture()[:60],
        bomb(),
    ],
)
def test_whatever_is_no_sound_picture_is_none(data: bytes) -> None:
    assert make_picture(io.BytesIO(data)) is None


def test_large_ones_are_made_smaller() -> None:
    made = make_picture(io.BytesIO(picture("JPEG", (4000, 1000))))
    assert made is not None
    assert Image.open(io.BytesIO(made.data)).size == (LARGEST_SIDE, 400)
