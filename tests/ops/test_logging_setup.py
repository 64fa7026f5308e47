"""The log: one line an event, whatever is in it, as text and as JSON."""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from gunicorn.config import Config as GunicornConfig
from hypothesis import given
from hypothesis import strategies as st
from rq.logutils import setup_loghandlers

from webapp.log_context import begin_log_fields, log_fields, note_log_fields
from webapp.runtime.logging_setup import (
    MESSAGE_LENGTH,
    TRACE_LENGTH,
    JsonFormatter,
    OneLineFormatter,
    make_formatter,
    setup_logging,
)
from webapp.runtime.supervisor import Part, Supervisor, _Running
from webapp.runtime.web_server import SharedLog

FORMS: list[type[OneLineFormatter]] = [OneLineFormatter, JsonFormatter]


@pytest.fixture(autouse=True)
def keep_root_logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    begin_log_fields()
    yield
    begin_log_fields()
    root.handlers[:] = handlers
    root.setLevel(level)


def format_record(
    message: str,
    *args: object,
    exc_info: object = None,
    form: Callable[[], OneLineFormatter] = OneLineFormatter,
) -> str:
    record = logging.LogRecord("desk", logging.INFO, "f.py", 1, message, args, exc_info)  # type: ignore[arg-type]
    record.created, record.msecs = 1_780_000_000.25, 250.0
    return form().format(record)


def test_times_are_utc() -> None:
    assert format_record("hello") == "2026-05-28T20:26:40.250Z INFO desk: hello"
    document = json.loads(format_record("hello", form=JsonFormatter))
    assert document.pop("pid") > 0
    assert document == {
        "time": "2026-05-28T20:26:40.250Z",
        "level": "info",
        "logger": "desk",
        "message": "hello",
    }


def test_what_is_done_at_the_moment_stands_in_every_line() -> None:
    begin_log_fields(request="ab12")
    note_log_fields(user=7, session=None)
    with log_fields(connection=3, run=4):
        assert format_record("x").endswith("desk: x [request=ab12 user=7 connection=3 run=4]")
        document = json.loads(format_record("x", form=JsonFormatter))
        assert {"request": "ab12", "user": 7, "connection": 3, "run": 4}.items() <= document.items()
    assert format_record("x").endswith("[request=ab12 user=7]")


@pytest.mark.parametrize("form", FORMS)
@given(message=st.text(), value=st.text())
def test_whatever_is_logged_takes_one_line(
    form: type[OneLineFormatter], message: str, value: str
) -> None:
    with log_fields(session=value):
        text = format_record("%s", f"{message}\x1b[2J\x00\r\n\u2028{value}", form=form)
    assert len(text.splitlines()) == 1
    assert text.isprintable()


def test_a_message_cannot_pose_as_another_record() -> None:
    text = format_record("name %s", "x\n2026-01-01T00:00:00.000Z INFO desk: all is well")
    assert text.endswith("name x\\n2026-01-01T00:00:00.000Z INFO desk: all is well")


def _failure() -> object:
    try:
        raise ValueError("wrong\nindeed")
    except ValueError:
        return sys.exc_info()


def test_traces_are_folded_into_the_line() -> None:
    text = format_record("failed", exc_info=_failure())
    assert len(text.splitlines()) == 1
    assert text.endswith("\\nValueError: wrong\\nindeed")
    assert 'File "' in text
    document = json.loads(format_record("failed", exc_info=_failure(), form=JsonFormatter))
    assert document["trace"].endswith("\nValueError: wrong\nindeed")


@pytest.mark.parametrize("form", FORMS)
def test_a_long_header_costs_a_line_that_is_not_long(form: type[OneLineFormatter]) -> None:
    text = format_record("Host %s", "x" * 100_000, form=form)
    assert "(100,005 characters)" in text
    assert len(text) < MESSAGE_LENGTH + 300

    try:
        raise ValueError("y" * 100_000)
    except ValueError:
        text = format_record("failed", exc_info=sys.exc_info(), form=form)
    assert len(text) < TRACE_LENGTH + 300


def test_rq_s_loggers_still_reach_ours(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging()
    setup_loghandlers("INFO", name="rq.worker")  # what a worker does when it starts
    logging.getLogger("rq.worker").error("job failed")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("job failed") == 1


def test_gunicorn_s_records_take_the_same_way_and_name_no_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setup_logging()
    log = SharedLog(GunicornConfig())
    log.warning("Invalid request from ip=%s", "192.0.2.1\nhostile")
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("Error handling request %s", "/take/a-secret-token")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("Invalid request from ip=192.0.2.1\\nhostile")
    assert "A request failed" in second
    assert "ValueError: broken" in second
    assert "secret" not in second


def test_whatever_ends_a_process_or_a_thread_is_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setup_logging()
    sys.excepthook(*_failure())  # type: ignore[misc]

    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    first, second = capsys.readouterr().err.splitlines()
    assert "CRITICAL webapp: The process ends" in first
    assert "ERROR webapp: A thread ended" in second


@pytest.mark.parametrize(
    ("value", "form"), [("", OneLineFormatter), ("JSON", JsonFormatter), ("xml", OneLineFormatter)]
)
def test_the_environment_chooses_the_form(value: str, form: type[OneLineFormatter]) -> None:
    assert type(make_formatter({"TRIAGEDESK_LOG_FORMAT": value})) is form


@pytest.mark.parametrize(
    ("writes_json", "line", "passed_on"),
    [
        (False, "2026 INFO x", "web       | 2026 INFO x\n"),
        (False, '{"type":"triagedesk.audit.seal"}', '{"type":"triagedesk.audit.seal"}\n'),
        (True, '{"time":"2026"}', '{"time":"2026"}\n'),
    ],
)
def test_the_supervisor_passes_json_on_as_it_is(
    writes_json: bool, line: str, passed_on: str
) -> None:
    output = io.StringIO()
    supervisor = Supervisor(output, writes_json)
    supervisor._say(_Running(Part("web", [], {})), line)
    assert output.getvalue() == passed_on


def test_what_is_no_json_becomes_a_line_of_it() -> None:
    output = io.StringIO()
    Supervisor(output, writes_json=True)._say(_Running(Part("valkey", [], {})), "Ready\x1b")
    document = json.loads(output.getvalue())
    assert (document["logger"], document["message"]) == ("valkey", "Ready\x1b")
