"""Writes docs/authorization.md: who may open which page and send which form, read from the code.

Use: python -m tools.authorization_matrix FILE
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from webapp import create_app
from webapp.config import Config
from webapp.models.user import ROLE_ADMIN, ROLE_AUDITOR, ROLE_HELPDESK
from webapp.web.access import READING_METHODS, STATIC_ENDPOINT, access_of, is_allowed
from webapp.web.presence import ALWAYS

HEAD = """\
# Who may do what

Made from the code by `make matrix`; a test compares it. Each row is an address: whether somebody
may open its page (GET, HEAD) or send its form (POST). *Again* says where a person has to show once
more who they are. The rules themselves are in `webapp/web/access.py`; what is refused beyond them
(other people's views, uploads, contact methods and sessions, the last admin, conflicts) is in the
services.

| address | method | nobody | helpdesk | auditor | admin | again |
|---|---|---|---|---|---|---|
"""
ROLES = ("", ROLE_HELPDESK, ROLE_AUDITOR, ROLE_ADMIN)


def write_matrix() -> str:
    """The whole document."""
    with TemporaryDirectory() as folder:
        config = Config(
            data_dir=Path(folder),
            database_url="sqlite://",
            redis_url="unix:///nowhere",
            secret_key="-" * 32,
            encryption_keys=("A" * 43 + "=",),
        )
        return HEAD + "".join(f"{row}\n" for row in _rows(create_app(config)))


def _rows(app: Flask) -> Iterator[str]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        view = app.view_functions[rule.endpoint]
        access = access_of(view)
        if rule.endpoint == STATIC_ENDPOINT or access is None:
            continue
        again = getattr(view, "needs_presence", None)
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        for method in methods:
            changes = method not in READING_METHODS
            cells = ["yes" if is_allowed(access, role, changes=changes) else "–" for role in ROLES]
            cells.append("asks" if again == ALWAYS or (again and changes) else "–")
            yield f"| `{rule.rule}` | {method} | {' | '.join(cells)} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(write_matrix(), encoding="utf-8")
