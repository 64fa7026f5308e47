"""gunicorn with our configuration: threads, and one loaded app that its processes share."""

import gc
import logging
import socket
import threading
import time
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from webapp import create_app
from webapp.config import Config
from webapp.extensions import db
from webapp.runtime import pulse
from webapp.runtime.bare_errors import make_answer, send_answer, status_of_failure
from webapp.schema import migrations_dir
from webapp.services.operations.check_encryption import warn_of_unreadable_secrets
from webapp.services.operations.check_health import require_database
from webapp.services.people.breached_passwords import warn_of_breach_file
from webapp.services.people.single_sign_on.local_passwords import warn_of_limit_problem

STOP_SECONDS = 4
REQUEST_SECONDS = 60
ANSWER_SECONDS = 5
PULSE_SECONDS = 1.0

logger = logging.getLogger(__name__)


class WatchedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn comes without types
    """A process of the web server that says it is alive only while its threads get work done.

    Where all of them have hung for REQUEST_SECONDS, gunicorn replaces the process.
    """

    _probe: Future[int] | None = None

    def notify(self) -> None:
        """Tell the master process that this one is alive, if a thread has run the last probe."""
        if self._probe is None or self._probe.done():
            super().notify()
            self._probe = self.tpool.submit(int)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer where the app cannot: what is no HTTP, and what failed outside of it.

        Neither the answer nor the log repeats the request: its address may hold a secret.
        """
        status = status_of_failure(exc)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(exc, ParseException):
            logger.error("A request failed outside of the app", exc_info=exc)
        else:
            caller = addr[0] if isinstance(addr, tuple) else "the proxy"
            logger.info("Refused what is no HTTP, from %s: %s", caller, type(exc).__name__)
        send_answer(client, make_answer(status, self.app.public_url), ANSWER_SECONDS)


class SharedLog(Logger):  # type: ignore[misc]  # gunicorn comes without types
    """Lets gunicorn's records take the way of all others, in the same form.

    What it says of a request that failed names no address, which may hold a secret.
    """

    def setup(self, cfg: Any) -> None:
        """Add no handlers; records go to those of the root."""
        self.loglevel = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.WARNING)
        self.error_log.setLevel(self.loglevel)
        self.error_log.propagate = True

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log an error with its trace."""
        is_about_request = msg.startswith("Error handling request")
        words, values = ("A request failed", ()) if is_about_request else (msg, args)
        super().exception(words, *values, **kwargs)


class WebServer(BaseApplication):  # type: ignore[misc]  # gunicorn comes without types
    """Serves the app of `config` on `bind` until SIGTERM or SIGINT."""

    def __init__(self, config: Config, *, bind: str, workers: int, threads: int) -> None:
        self._config = config
        self.public_url = config.public_url
        self._is_handed_over = bind.startswith("fd://")
        self._options = {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_class": WatchedWorker,
            "preload_app": True,
            "graceful_timeout": STOP_SECONDS,
            "timeout": REQUEST_SECONDS,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",
            "loglevel": "warning",
            "accesslog": None,
            "logger_class": SharedLog,
            "when_ready": self._say_ready,
        }
        super().__init__()

    def load_config(self) -> None:
        """Pass the options to gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Load the app in the master process and check the database.

        The objects loaded so far are frozen, so that the children's garbage collectors leave them
        alone and the memory stays shared. Raises ConfigError if the database cannot be used.
        """
        app = create_app(self._config)
        with app.app_context():
            require_database(migrations_dir())
            warn_of_unreadable_secrets()
            warn_of_limit_problem()
            warn_of_breach_file()
            db.engine.dispose()
        app.extensions["triagedesk_restarted"] = pulse.why_restarted()
        gc.collect()
        gc.freeze()
        return app

    def _say_ready(self, server: Any) -> None:
        # As for a socket of systemd: whoever handed it over deletes its file, gunicorn does not.
        server.systemd = server.systemd or self._is_handed_over
        logger.info("Serving on %s", ", ".join(str(sock) for sock in server.LISTENERS))
        threading.Thread(target=_beat, daemon=True).start()


def _beat() -> None:
    """Beat for the master process; gunicorn itself looks after its workers."""
    while True:
        pulse.beat()
        time.sleep(PULSE_SECONDS)
