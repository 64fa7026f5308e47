"""QR codes as pictures within the page, which needs no other request."""

import io

import segno
from markupsafe import Markup

PIXELS_A_MODULE = 4
QUIET_MODULES = 4
"""The white border that cameras need (ISO/IEC 18004, section 6.3.8)."""


def draw_qr(text: str) -> Markup:
    """The QR code of `text` as an SVG element: black on white in every colour scheme."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        picture,
        kind="svg",
        scale=PIXELS_A_MODULE,
        border=QUIET_MODULES,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=False,
        svgclass=None,
        lineclass=None,
    )
    return Markup(picture.getvalue().decode())  # noqa: S704 - it holds numbers only
