"""Logging for every process: one record per event, on stderr."""

import logging
import sys
import time

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_QUIET = ("rq.worker", "rq.job", "rq.registry", "rq_scheduler.scheduler", "alembic")


class OneRecordFormatter(logging.Formatter):
    """Formats records with times in UTC; continuation lines are indented.

    The indent keeps a logged text from looking like another record.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Format one record; control characters other than tabs and line ends are dropped."""
        text = "".join(c for c in super().format(record) if c.isprintable() or c in "\t\n")
        return text.replace("\n", "\n    ")


def setup_logging(level: int = logging.INFO) -> None:
    """Send every logger's records to stderr.

    Call it once, before RQ sets up logging. RQ adds its own handlers, and stops propagation, only
    if it finds no handlers.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneRecordFormatter(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
