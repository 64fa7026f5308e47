"""The web server's processes are alive while their threads get work done."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from gunicorn.workers.gthread import ThreadWorker

from tests.support.waiting import wait_until
from webapp.runtime.web_server import WatchedWorker


def test_a_process_whose_threads_all_hang_is_not_called_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[object] = []
    monkeypatch.setattr(ThreadWorker, "notify", lambda worker: said.append(worker))
    worker = WatchedWorker.__new__(WatchedWorker)
    goes_on = threading.Event()

    def beats() -> bool:
        count = len(said)
        worker.notify()
        return len(said) > count

    with ThreadPoolExecutor(2) as worker.tpool:
        try:
            assert beats()
            assert wait_until(beats)
            hung = [worker.tpool.submit(goes_on.wait, 30) for _ in range(2)]
            assert wait_until(lambda: not beats())
            assert not beats()
            goes_on.set()
            assert wait_until(beats)
        finally:
            goes_on.set()
    assert all(one.result() for one in hung)
