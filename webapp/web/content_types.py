"""What may be sent: forms, as browsers send them."""

from flask import Flask, abort, request

from webapp.web.access import READING_METHODS

UNSUPPORTED = 415


def init_content_types(app: Flask) -> None:
    """Refuse JSON before any view runs: forms would be filled from whatever shape it has."""

    @app.before_request
    def _refuse_json() -> None:
        if request.is_json and request.method not in READING_METHODS:
            abort(UNSUPPORTED)
