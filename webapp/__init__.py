"""Triagedesk: turns every Huntress incident report into exactly one routed ticket."""

import os

from flask import Flask

from webapp.config import Config, load_config

__version__ = "0.1.0"


def create_app(config: Config | None = None) -> Flask:
    """The Flask app for `config` (default: read from the environment).

    Raises ConfigError. Neither creates nor changes a database: `triagedesk migrate` does.
    """
    from webapp import setup_app

    app = Flask(__name__)
    config = config or load_config(os.environ)
    app.extensions["triagedesk_config"] = config
    for step in setup_app.STEPS:
        step(app, config)
    return app
