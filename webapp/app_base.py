"""The steps of each of our processes; those of the pages follow in `app_parts`."""

from functools import partial

from flask import Flask

from webapp import (
    clock,
    models,  # noqa: F401 - it registers every table
    task_queue,
)
from webapp.config import Config
from webapp.crypto import cipher
from webapp.extensions import db, prepare_postgresql, prepare_sqlite, read_server_time
from webapp.version import __version__


def create_base_app(config: Config) -> Flask:
    """Create an app without pages, for a part that only works on the database."""
    app = Flask(__name__)
    app.extensions["triagedesk_config"] = config
    set_engine_options(app, config)
    init_database(app, config)
    init_queue(app, config)
    return app


def set_engine_options(app: Flask, config: Config) -> None:
    """Set how the database is reached, and which version of the product does it."""
    app.extensions["triagedesk_version"] = __version__
    app.config.update(
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "hide_parameters": True,  # credentials and reports must not reach errors or logs
        },
    )


def init_database(app: Flask, config: Config) -> None:
    """Bind the database and the keys of its encrypted columns."""
    cipher.configure(config.encryption_keys, config.encryption_source.path)
    db.init_app(app)
    with app.app_context():
        if config.uses_sqlite:
            prepare_sqlite(db.engine)
            clock.shared.follow(None)
        else:
            prepare_postgresql(db.engine)
            clock.shared.follow(partial(read_server_time, db.engine))


def init_queue(app: Flask, config: Config) -> None:
    """Configure the job queue; this does not connect to Redis yet."""
    task_queue.configure(config.redis_url)
