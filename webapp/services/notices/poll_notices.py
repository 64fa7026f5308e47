"""What a poll has to tell of the tickets that it wrote."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.domain.notices.bundling import BUNDLE_WINDOW
from webapp.domain.notices.compose import BACKFILL
from webapp.domain.notices.events import CLOSED, CREATED, EVENTS
from webapp.services.notices.bell.ring_bell import ring_watchers
from webapp.services.notices.settle import Settlement, settle_tickets
from webapp.services.notices.silence.untold import Untold, attempted, note_untold, try_again_later
from webapp.services.notices.tell import Happening, tell


class PollNotices:
    """Collects what happened to the tickets of a transaction, and tells it at the end of it.

    Until a connection's first poll has succeeded, people are told in one summary of the incidents
    that are older than polling. `summary` is the reason for one summary where a person asked for
    tickets.
    """

    def __init__(self, *, is_first_poll: bool, summary: str | None = None) -> None:
        self._is_first_poll = is_first_poll
        self._summary = summary
        self._happenings: list[Happening] = []
        self._closed: list[int] = []

    def note(
        self,
        event: str,
        ticket_id: int,
        *,
        previous_severity: str | None = None,
        is_once: bool = False,
        is_old: bool = False,
    ) -> None:
        """Remember that `event` happened to a ticket.

        `is_old` says that its incident is older than the polling of its connection.
        """
        backfill = BACKFILL if self._is_first_poll and is_old else None
        self._happenings.append(
            Happening(
                event=event,
                ticket_id=ticket_id,
                previous_severity=previous_severity,
                is_once=is_once,
                summary=self._summary or backfill,
            )
        )

    def note_closed(self, ticket_id: int) -> None:
        """Remember that a ticket was closed, because Huntress closed its incident."""
        self._closed.append(ticket_id)

    def write(self, session: Session, now: datetime, changed: Collection[int] = ()) -> None:
        """Tell everything that was noted, in the caller's transaction, which has written it.

        Who watches the tickets that `changed`, but for new ones, is told, too. A fault in telling
        keeps no ticket from being written: it is on record (see `untold`), and what people wait for
        is tried again.
        """
        made = {one.ticket_id for one in self._happenings if one.event == CREATED}
        self._tell(session, now)
        known = dict.fromkeys(sorted({*changed} - made))
        if known:
            with attempted(session, "Telling who watches what a poll changed"):
                ring_watchers(session, known, now=now)

    def _tell(self, session: Session, now: datetime) -> None:
        if not self._happenings and not self._closed:
            return
        session.flush()
        told: set[tuple[int, int]] = set()
        if self._closed:
            with attempted(session, "Settling what a poll closed"):
                told = settle_tickets(session, self._closed, Settlement(is_closed=True), now)
        closed = [Happening(event=CLOSED, ticket_id=key) for key in self._closed]
        happenings = [*self._happenings, *closed]
        with attempted(session, f"Telling of {len(happenings):,} events of a poll") as attempt:
            tell(session, happenings, window=BUNDLE_WINDOW, told_already=told)
        if attempt.error is not None:
            with attempted(session, "Noting what was not told"):
                _note_untold(session, happenings, attempt.error, now)
        self._happenings, self._closed = [], []


def _note_untold(
    session: Session, happenings: Sequence[Happening], error: Exception, now: datetime
) -> None:
    """What a summary was to tell is not tried again: it would be told one by one."""
    later = [one for one in happenings if EVENTS[one.event].waits and one.summary is None]
    untold = try_again_later(
        session, [(one.event, one.ticket_id, one.previous_severity) for one in later], now
    )
    untold += [Untold(one.event, one.ticket_id) for one in happenings if one not in later]
    note_untold(session, untold, error, now)
