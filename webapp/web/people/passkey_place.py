"""Whether the page is at the address that this installation's passkeys belong to."""

from urllib.parse import urlsplit

from flask import Flask, request

from webapp.services.people.factors.passkey_answers import PasskeyError, relying_party


def init_passkey_place(app: Flask) -> None:
    """Let pages ask whether passkeys can be used on them."""
    app.add_template_global(passkey_problem)


def passkey_problem() -> str | None:
    """Why no passkey can be used on this page; None if one can."""
    try:
        site = relying_party()
    except PasskeyError as error:
        return str(error)
    if request.host.lower() == urlsplit(site.origin).netloc:
        return None
    return f"Passkeys of this installation work only at {site.origin}. Open it there to use one."
