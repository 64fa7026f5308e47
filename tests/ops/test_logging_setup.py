import logging
import sys
from collections.abc import Iterator

import pytest
from rq.logutils import setup_loghandlers

from webapp.runtime.logging_setup import OneRecordFormatter, setup_logging


@pytest.fixture(autouse=True)
def keep_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def format_record(message: str, *args: object, exc_info: object = None) -> str:
    record = logging.LogRecord("desk", logging.INFO, "f.py", 1, message, args, exc_info)
    record.created, record.msecs = 1_780_000_000.25, 250.0
    return OneRecordFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s").format(record)


def test_times_are_utc() -> None:
    assert format_record("hello") == "2026-05-28T20:26:40.250Z INFO desk: hello"


def test_a_message_cannot_pose_as_another_record() -> None:
    text = format_record("name %s", "x\n2026-01-01T00:00:00.000Z INFO desk: all is well\x1b[2J\x00")
    _, second = text.split("\n")
    assert second.startswith("    2026-01-01")
    assert "\x1b" not in text
    assert "\x00" not in text


def test_tracebacks_are_kept() -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        text = format_record("failed", exc_info=sys.exc_info())
    assert "ValueError: wrong" in text


def test_rq_s_loggers_still_reach_ours(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging()
    setup_loghandlers("INFO", name="rq.worker")  # what a worker does when it starts
    logging.getLogger("rq.worker").error("job failed")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("job failed") == 1
