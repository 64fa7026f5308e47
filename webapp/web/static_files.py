"""Static files, whose addresses change with their content, so that browsers may keep them."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for

from webapp.web.access import STATIC_ENDPOINT

FOR_GOOD = "public, max-age=31536000, immutable"


def init_static_files(app: Flask) -> None:
    """Give templates `static_url`, and let browsers keep files with such addresses for a year."""
    app.add_template_global(static_url)

    @app.after_request
    def _keep(response: Response) -> Response:
        if request.endpoint == STATIC_ENDPOINT and response.status_code == 200:
            is_named = request.args.get("v") == _fingerprint(request.path.removeprefix("/static/"))
            response.headers["Cache-Control"] = FOR_GOOD if is_named else "no-cache"
        return response


def static_url(filename: str) -> str:
    """The address of a static file, with a fingerprint of its content."""
    return url_for(STATIC_ENDPOINT, filename=filename, v=_fingerprint(filename))


def _fingerprint(filename: str) -> str:
    return _hash(Path(str(current_app.static_folder)) / filename)


@cache
def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else ""
