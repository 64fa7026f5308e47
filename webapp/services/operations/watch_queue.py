"""The state of the job queue for pages that must not wait for it."""

import threading
import time

from flask import current_app

from webapp.task_queue import QueueStatus, read_queue_status

FRESH_SECONDS = 5.0
WAIT_SECONDS = 0.25


class QueueWatch:
    """Remembers the queue's state; it is asked in a thread, at most once every five seconds.

    A healthy queue answers before anybody has to wait noticeably. While it does not answer, one
    page in five seconds waits for a quarter of a second, and the others show what was known.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._status: QueueStatus | None = None
        self._asked_at = float("-inf")

    def status(self) -> QueueStatus | None:
        """The latest state that is known; None while the first answer has not come."""
        with self._lock:
            now = time.monotonic()
            if now - self._asked_at < FRESH_SECONDS:
                return self._status
            self._asked_at = now
        thread = threading.Thread(target=self._ask, daemon=True)
        thread.start()
        thread.join(WAIT_SECONDS)
        return self._status

    def _ask(self) -> None:
        self._status = read_queue_status()


def recent_queue_status() -> QueueStatus | None:
    """The state of this app's queue, a few seconds old at most where the queue answers."""
    watch: QueueWatch = current_app.extensions.setdefault("triagedesk_queue_watch", QueueWatch())
    return watch.status()
