"""The app behind a real HTTP server in a thread, on a port of its own."""

import threading

from flask import Flask
from werkzeug.serving import make_server

from webapp.extensions import db


class LiveServer:
    """Serves `app` on 127.0.0.1 until stopped; `url` is its address."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> "LiveServer":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
        with self._app.app_context():
            db.engine.dispose()
