"""Pages that are made without the app, and the headers that every answer carries.

The web server answers what is no HTTP, and the guard of hosts answers before Flask looks at a
request: both have to restrict the browser as much as a page of the app does.
"""

from html import escape
from urllib.parse import urlsplit

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "
        "publickey-credentials-create=(self), publickey-credentials-get=(self)"
    ),
}
NOTHING_ALLOWED = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
YEAR_OF_HTTPS = "max-age=31536000; includeSubDomains"

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""


def https_header(public_url: str | None) -> dict[str, str]:
    """The header that keeps browsers on https for a year; none where the address is not https."""
    is_https = urlsplit(public_url or "").scheme == "https"
    return {"Strict-Transport-Security": YEAR_OF_HTTPS} if is_https else {}


def make_bare_page(
    title: str, text: str, public_url: str | None
) -> tuple[list[tuple[str, str]], bytes]:
    """Return the headers and the body (UTF-8) of a page of one sentence, which is escaped."""
    body = PAGE.format(title=escape(title), text=escape(text)).encode()
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Content-Security-Policy": NOTHING_ALLOWED,
        "Cache-Control": "no-store",
        **HEADERS,
        **https_header(public_url),
    }
    return list(headers.items()), body
