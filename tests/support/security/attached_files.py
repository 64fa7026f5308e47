"""Files that pretend to be something else, and pictures."""

import io

from PIL import Image

HTML = b"<!doctype html><script>alert(document.cookie)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    """A picture of one colour in a format."""
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **options)
    return out.getvalue()


def picture_with_position() -> bytes:
    """A JPEG whose EXIF says where it was taken, turned by a quarter, with text behind its end."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "SECRETPLACE"
    return picture("JPEG", exif=exif) + b"<script>alert(1)</script>"


def bomb() -> bytes:
    """A small file that says of itself that it has 400 million pixels."""
    header = bytearray(picture())
    header[16:24] = (20_000).to_bytes(4, "big") * 2
    return bytes(header)
