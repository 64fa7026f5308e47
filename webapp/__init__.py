"""Triagedesk: turns every Huntress incident report into exactly one routed ticket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from webapp.config import Config, load_config
from webapp.version import __version__

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["__version__", "create_app"]


def create_app(config: Config | None = None) -> Flask:
    """Create the Flask app for `config` (default: read from the environment).

    Raises ConfigError. No database is created or changed; `triagedesk migrate` does that.
    """
    from flask import Flask

    from webapp import app_parts

    app = Flask(__name__)
    app.jinja_env.globals["version"] = __version__
    config = config or load_config(os.environ)
    app.extensions["triagedesk_config"] = config
    for step in app_parts.STEPS:
        step(app, config)
    return app
