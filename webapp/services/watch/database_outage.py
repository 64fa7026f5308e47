"""Telling that the database is away, without it: to the targets that are kept in memory."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from webapp.domain.notices.message import Message
from webapp.domain.watch.alarm_kinds import KINDS, Trouble
from webapp.domain.watch.alarm_message import AlarmFacts, compose_alarm
from webapp.domain.watch.plan_alarms import Telling
from webapp.outbound.errors import DeliveryError
from webapp.outbound.send import send
from webapp.outbound.settings import Destination
from webapp.process_identity import machine_name
from webapp.services.watch.alarm_targets import AlarmTarget

MOST_TRIES = 30
"""So often a target is tried, once a round."""

logger = logging.getLogger(__name__)


@dataclass
class _Letter:
    """A message on its way to one target."""

    target: AlarmTarget
    message: Message
    tries: int = 0
    is_done: bool = False
    thread: threading.Thread | None = None


@dataclass
class DatabaseOutage:
    """Tells once that the database is away, again every few hours, and once that it is back.

    Every method returns at once: messages are sent in threads, and tried again with each call.
    """

    url: str
    targets: Sequence[AlarmTarget] = ()
    send: Callable[[Destination, Message], str] = send
    _began_at: datetime | None = None
    _last_told_at: datetime | None = None
    _why: str = ""
    _letters: list[_Letter] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_failure(self, why: str, now: datetime) -> None:
        """The database could not be used at `now` (UTC), for a reason in words."""
        with self._lock:
            if self._began_at is None or self._began_at > now:
                self._began_at, self._last_told_at = now, None
            self._why = why
            kind = KINDS[Trouble.DATABASE]
            if self._last_told_at is None and now - self._began_at >= kind.patience:
                self._tell(Telling.BEGAN, now)
            elif self._last_told_at and now - self._last_told_at >= kind.repeat_after:
                self._tell(Telling.REPEATED, now)
            self._send_waiting()

    def note_success(self, targets: Sequence[AlarmTarget], now: datetime) -> None:
        """The database answered at `now` (UTC); `targets` are where alarms go from now on."""
        with self._lock:
            if self._began_at is not None and self._last_told_at is not None:
                self._tell(Telling.ENDED, now)
            self._began_at = self._last_told_at = None
            self.targets = targets
            self._send_waiting()

    def _tell(self, telling: Telling, now: datetime) -> None:
        began_at = self._began_at or now
        machine = machine_name()
        facts = AlarmFacts(
            kind=Trouble.DATABASE,
            subject=machine,
            sentence=f"The database cannot be used from {machine}: {self._why}",
            began_at=began_at,
            ended_at=now if telling is Telling.ENDED else None,
        )
        key = f"{facts.kind}:{machine}:{began_at:%Y%m%dT%H%M%S}:{telling.value}:{now:%H%M}"
        for target in self.targets:
            message = compose_alarm(
                f"{key}:{target.id}", telling, facts, url=self.url, happened_at=now
            )
            self._letters.append(_Letter(target, message))
        self._last_told_at = now
        logger.error("%s (%s)", facts.sentence, telling.value)

    def _send_waiting(self) -> None:
        self._letters = [one for one in self._letters if not one.is_done]
        blocked: set[int] = set()
        for letter in self._letters:
            is_first = letter.target.id not in blocked
            blocked.add(letter.target.id)  # the beginning goes before the end
            if is_first and (letter.thread is None or not letter.thread.is_alive()):
                letter.thread = threading.Thread(target=self._send, args=(letter,), daemon=True)
                letter.thread.start()

    def _send(self, letter: _Letter) -> None:
        letter.tries += 1
        try:
            self.send(letter.target.destination, letter.message)
            letter.is_done = True
        except DeliveryError as error:
            letter.is_done = letter.tries >= MOST_TRIES
            logger.warning("%s could not be told: %s", letter.target.name, error)
        except Exception:  # a thread of its own: nobody else would hear of it
            letter.is_done = True
            logger.exception("%s could not be told", letter.target.name)

    @property
    def is_sending(self) -> bool:
        """Whether a message is on its way just now."""
        return any(one.thread is not None and one.thread.is_alive() for one in self._letters)
