"""What a test run owes whoever reads its end: nothing skipped unnoticed.

The hooks are imported by conftest.py. With CI=true a skipped test fails the run: whatever a test
needs (a browser, PostgreSQL) must be there. Elsewhere the last lines say which tests did not run.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def is_ci(env: Mapping[str, str] = os.environ) -> bool:
    """Whether this run decides about a change."""
    return env.get("CI", "").lower() in ("1", "true", "yes")


def find_browser() -> str | None:
    """The browser that browser tests drive, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def browser_lines(ran: int, skipped: int) -> Sequence[str]:
    """What the end of a run says about browser tests; nothing where there were none."""
    if ran:
        return [f"Browser tests ran: {ran}."]
    if skipped:
        return [
            f"Browser tests did NOT run ({skipped}): no browser was found.",
            "Debian and Ubuntu: apt-get install chromium. Elsewhere: put `chromium` or"
            " `google-chrome` on PATH.",
        ]
    return []


def exit_status(status: int, skipped: int, *, in_ci: bool) -> int:
    """The status a run ends with: in CI, a run with skipped tests has failed."""
    failed = int(pytest.ExitCode.TESTS_FAILED)
    return failed if in_ci and skipped and status == int(pytest.ExitCode.OK) else status


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a CI run that skipped something (in the controlling process only)."""
    reporter = _reporter(session.config)
    if reporter is not None:
        skipped = len(reporter.stats.get("skipped", ()))
        session.exitstatus = exit_status(int(exitstatus), skipped, in_ci=is_ci())


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The last lines: browser tests, and why a CI run failed."""
    stats = terminalreporter.stats
    ran = _count_browser(stats.get("passed", ())) + _count_browser(stats.get("failed", ()))
    for line in browser_lines(ran, _count_browser(stats.get("skipped", ()))):
        terminalreporter.write_line(line)
    skipped = len(stats.get("skipped", ()))
    if is_ci() and skipped:
        terminalreporter.write_line(f"CI: {skipped} skipped tests count as failed.", red=True)


def _reporter(config: pytest.Config) -> Any:
    return (
        None
        if hasattr(config, "workerinput")
        else config.pluginmanager.get_plugin("terminalreporter")
    )


def _count_browser(reports: Iterable[Any]) -> int:
    return sum("browser" in getattr(report, "keywords", ()) for report in reports)
