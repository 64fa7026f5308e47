"""Pictures that a page may show: encoded anew, without anything but their pixels.

Whatever a file claims to be, only these formats are tried, and what comes out is written by us:
no metadata, no trailing bytes, no second file in the same one. Sizes are checked before pixels are
decoded, and one picture is decoded at a time, so memory stays bounded.
"""

import io
import warnings
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MOST_PIXELS = 30_000_000
LARGEST_SIDE = 1_600
PNG_UP_TO = 1_000_000
JPEG_QUALITY = 88

PNG = "image/png"
JPEG = "image/jpeg"

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF8")
_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for pages; `type` is PNG or JPEG."""

    data: bytes
    type: str


def make_picture(stream: BinaryIO) -> Picture | None:
    """Return the picture in a file (the first frame of several); None if it is no sound picture.

    The stream is read from its beginning. Never raises for any content.
    """
    stream.seek(0)
    if not stream.read(8).startswith(_SIGNATURES):
        return None
    stream.seek(0)
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _encode(_decode(stream))
        except Exception:  # noqa: BLE001 - a malformed file may raise anything
            return None


def _decode(stream: BinaryIO) -> Image.Image:
    with Image.open(stream, formats=FORMATS) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError("too many pixels")
        opened.draft("RGB", (LARGEST_SIDE, LARGEST_SIDE))
        opened.seek(0)
        upright = ImageOps.exif_transpose(opened)
        upright.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        has_alpha = "A" in upright.getbands() or "transparency" in upright.info
        return upright.convert("RGBA" if has_alpha else "RGB")


def _encode(image: Image.Image) -> Picture:
    pixels = Image.frombytes(image.mode, image.size, image.tobytes())
    png = io.BytesIO()
    pixels.save(png, "PNG", optimize=False)
    if png.tell() <= PNG_UP_TO:
        return Picture(png.getvalue(), PNG)
    opaque = Image.new("RGB", pixels.size, "white")
    opaque.paste(pixels, mask=pixels.getchannel("A") if pixels.mode == "RGBA" else None)
    jpeg = io.BytesIO()
    opaque.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return Picture(jpeg.getvalue(), JPEG)
