"""Logging for every process: one line an event, on stderr, as text or as JSON."""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from webapp.config import ConfigError
from webapp.config.logs import LogFormat, read_log_format
from webapp.log_context import read_log_fields

MESSAGE_LENGTH = 4_000
TRACE_LENGTH = 12_000
"""Of a long trace the end is kept: it says what happened."""

_QUIET = ("rq.worker", "rq.job", "rq.registry", "rq_scheduler.scheduler", "alembic")


class OneLineFormatter(logging.Formatter):
    """Formats a record as one line of text, with times in UTC.

    Line ends become `\\n` in two characters, and other control characters are dropped, so that
    nothing which is logged can look like another record.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return for instance `2026-06-09T12:00:00.000Z INFO webapp.x: It works [request=ab12]`."""
        when = self.formatTime(record)
        words = f"{when} {record.levelname} {record.name}: {self.message_of(record)}"
        fields = " ".join(f"{name}={value}" for name, value in read_log_fields().items())
        trace = self.trace_of(record)
        parts = [words, f"[{fields}]" if fields else "", trace]
        return _one_line(" ".join(part for part in parts if part))

    def message_of(self, record: logging.LogRecord) -> str:
        """Return a record's message, cut."""
        return _cut(record.getMessage(), MESSAGE_LENGTH)

    def trace_of(self, record: logging.LogRecord) -> str:
        """Return the end of a record's trace, or an empty text."""
        texts = []
        if record.exc_info and record.exc_info[0] is not None:
            texts.append(self.formatException(record.exc_info))
        if record.stack_info:
            texts.append(self.formatStack(record.stack_info))
        return "\n".join(texts)[-TRACE_LENGTH:]


class JsonFormatter(OneLineFormatter):
    """Formats a record as one line of JSON in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON object; its names are explained in docs/audit.md."""
        document: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message_of(record),
            "pid": record.process,
            **read_log_fields(),
        }
        if trace := self.trace_of(record):
            document["trace"] = trace
        return json.dumps(document, ensure_ascii=True, default=str)


def setup_logging(level: int = logging.INFO, *, folds_traces: bool = True) -> None:
    """Send every logger's records to stderr, in the form that TRIAGEDESK_LOG_FORMAT names.

    Call it once, before RQ sets up logging. RQ adds its own handlers, and stops propagation, only
    if it finds no handlers. With `folds_traces` whatever ends the process or a thread is a line of
    the log as well.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(make_formatter(os.environ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    if folds_traces:
        sys.excepthook = _log_end
        threading.excepthook = _log_end_of_thread


def make_formatter(env: Mapping[str, str]) -> OneLineFormatter:
    """Return the formatter that the environment asks for; text where it asks for what is not there.

    Whoever reads the whole configuration refuses that with a sentence.
    """
    try:
        form = read_log_format(env)
    except ConfigError:
        form = LogFormat.TEXT
    return JsonFormatter() if form is LogFormat.JSON else OneLineFormatter()


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("webapp").critical("The process ends", exc_info=(kind, error, trace))


def _log_end_of_thread(given: Any) -> None:
    if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
        info = (given.exc_type, given.exc_value, given.exc_traceback)
        logging.getLogger("webapp").error("A thread ended", exc_info=info)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}… ({len(text):,} characters)"


def _one_line(text: str) -> str:
    folded = text.replace("\r\n", "\n").replace("\n", "\\n").replace("\t", "    ")
    return "".join(char for char in folded if char.isprintable())
