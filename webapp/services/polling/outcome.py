"""How a poll ended, in words and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.domain.incident import DELETED
from webapp.domain.integrations import ENTERPRISE_ONLY
from webapp.domain.plan import Reason
from webapp.domain.polling_health import MISSING_CREDENTIALS, UNREADABLE_CREDENTIALS
from webapp.domain.ticket_text import format_time
from webapp.models import PollRun
from webapp.models.poll_run import COMPLETED, ERROR, RUNNING, SKIPPED

SKIP_WORDS = {
    "edition": ENTERPRISE_ONLY,
    "inactive": "This connection is disconnected.",
    "not_started": "Polling of this connection was not started yet.",
    "paused": "Polling of this connection is paused.",
    "routing_config_incomplete": "Polling is paused until the routing configuration is complete.",
    "missing_credentials": MISSING_CREDENTIALS,
    "unreadable_credentials": UNREADABLE_CREDENTIALS,
    "not_due": "No poll is due.",
}
"""Why a poll did nothing, in words."""

REASON_WORDS: Mapping[str, str] = {
    Reason.ALREADY_CLOSED: "closed before",
    Reason.ORG_OPTED_OUT: "excluded",
    Reason.BEFORE_BACKFILL: "older than the backfill",
    Reason.NOT_SENT_YET: "not sent yet",
    Reason.DELETING: "about to be deleted",
    DELETED: "gone from Huntress",
    Reason.NO_LINKED_TICKET: "changed without a ticket",
}
"""Why incidents got no ticket, in the order in which it is said."""

SKIPS_THAT_FAIL = frozenset({"missing_credentials", "unreadable_credentials"})
_REPORTED = ("collected", "created", "noted", "closed", "reopened", "recorded", "failed")


@dataclass(frozen=True)
class PollOutcome:
    """The outcome of a poll; `run` is its record, or None where the poll left no record.

    `joined_run_id` names the run of another process that this poll joined instead of its own.
    """

    run: PollRun | None = None
    skip_reason: str | None = None
    joined_run_id: int | None = None

    @property
    def is_success(self) -> bool:
        """Whether the cycle completed, or was skipped for a reason that is not a failure."""
        if self.skip_reason is not None:
            return self.skip_reason not in SKIPS_THAT_FAIL
        return self.run is not None and self.run.state == COMPLETED

    @property
    def is_running(self) -> bool:
        """Whether the run that was joined is still under way."""
        return self.run is not None and self.run.state == RUNNING

    @property
    def error(self) -> str | None:
        """What went wrong, in words; None where nothing did."""
        if self.skip_reason in SKIPS_THAT_FAIL:
            return SKIP_WORDS[self.skip_reason]
        return self.run.error if self.run else None

    @property
    def words(self) -> str:
        """The outcome as a sentence for people."""
        if self.skip_reason is not None:
            return SKIP_WORDS.get(self.skip_reason, self.skip_reason)
        return describe_run(self.run) if self.run else ""

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as the `poll` command prints it."""
        run = self.run
        counts = {name: getattr(run, name) if run else 0 for name in (*_REPORTED, "quarantined")}
        return {
            "success": self.is_success,
            "skipped": self.skip_reason,
            "run_id": run.id if run else None,
            **counts,
            "api_calls": run.api_calls if run else 0,
            "cursor": format_time(run.cursor_after) if run else None,
            "error": self.error,
        }


def describe_run(run: PollRun) -> str:
    """Return what a run did in words, such as "12 collected, 9 tickets created, 3 updated"."""
    if run.state == SKIPPED:
        return SKIP_WORDS.get(run.skip_reason or "", "Skipped.")
    words = count_words(run.counts)
    return f"{words}. Last poll failed: {run.error}" if run.state == ERROR else words


def describe_for_log(run: PollRun) -> str:
    """Return the whole story of a run that ended in one line, for the log."""
    seconds = ((run.finished_at or run.updated_at) - run.started_at).total_seconds()
    story = (
        f"poll {run.id} ({run.trigger}) {run.state}: {run.collected} collected,"
        f" {run.created} created, {run.noted} noted, {run.api_calls} calls, {seconds:.1f} s"
    )
    return f"{story}. {run.error}" if run.error else story


def count_words(counts: Mapping[str, int]) -> str:
    """Return the counts in words, such as "12 collected, 9 tickets created, 3 updated".

    The other counts, and why incidents got no ticket, are added where they are not zero.
    """
    created = counts["created"]
    words = [
        f"{counts['collected']:,} collected",
        f"{created:,} {'ticket' if created == 1 else 'tickets'} created",
        f"{counts['noted']:,} updated",
    ]
    words += reason_words(counts)
    rest = ("closed", "reopened", "failed", "quarantined")
    words += [f"{counts[name]:,} {name}" for name in rest if counts[name]]
    if counts["missed_open"]:
        words.append(f"{counts['missed_open']:,} opened and closed between polls")
    return ", ".join(words)


def reason_words(counts: Mapping[str, int]) -> list[str]:
    """Return how many got no ticket for each reason, such as ["75 closed before"]."""
    return [f"{counts[key]:,} {words}" for key, words in REASON_WORDS.items() if counts.get(key)]
