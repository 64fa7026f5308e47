"""Who else has a ticket open, and who is writing: kept in Redis alone, for a few seconds.

It is a courtesy and never in the way: what Redis does not answer within a moment is not known, and
then it is left alone for a while. Nothing is kept that outlives half a minute.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from flask import current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from webapp.domain.untrusted import clean_line
from webapp.extensions import current_config
from webapp.models.columns import NAME_LENGTH

HERE_SECONDS = 20
"""Whoever has not asked for so long has closed the page, or looks at something else."""
ANSWER_WITHIN_SECONDS = 0.2
LEFT_ALONE_SECONDS = 30.0
"""After a failure Redis is not asked for so long, so that pages do not wait for it each time."""

LOOKING, WRITING, GONE = "looking", "writing", "gone"

_SCRIPT = """
local now = tonumber(redis.call('TIME')[1])
if ARGV[2] == 'gone' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
  redis.call('EXPIRE', KEYS[1], 2 * ARGV[4])
end
local found = redis.call('HGETALL', KEYS[1])
local here = {}
for place = 1, #found, 2 do
  local at = tonumber(string.match(found[place + 1], '^(%d+) ')) or 0
  if math.abs(now - at) > tonumber(ARGV[4]) then
    redis.call('HDEL', KEYS[1], found[place])
  elseif found[place] ~= ARGV[1] then
    table.insert(here, found[place + 1])
  end
end
return here
"""
"""One round trip by the clock of Redis, since those of machines differ."""


@dataclass(frozen=True, slots=True)
class PersonHere:
    """Somebody else who has the ticket open."""

    name: str
    is_writing: bool


def meet(ticket_id: int, person_id: int, name: str, doing: str) -> Sequence[PersonHere]:
    """Note that a person is LOOKING at a ticket, WRITING or GONE; return who else is there.

    Sorted by name; nobody where Redis cannot be asked. Never raises, never waits noticeably.
    """
    meeting: _Meeting = current_app.extensions.setdefault("triagedesk_who_is_here", _Meeting())
    said = meeting.ask(f"triagedesk:here:{ticket_id}", [person_id, doing, name, HERE_SECONDS])
    return sorted((_read(line) for line in said), key=lambda one: one.name.casefold())


class _Meeting:
    """The connection to Redis, which is left alone for a while after it failed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._left_alone_until = float("-inf")
        self._redis: Redis | None = None

    def ask(self, key: str, values: Sequence[str | int]) -> Sequence[bytes]:
        """What the script returns; nothing where Redis does not answer."""
        if time.monotonic() < self._left_alone_until:
            return ()
        try:
            answer: Sequence[bytes] = self._connected().eval(_SCRIPT, 1, key, *values)
        except RedisError:
            self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
            return ()
        return answer

    def _connected(self) -> Redis:
        with self._lock:
            if self._redis is None:
                self._redis = Redis.from_url(
                    current_config().redis_url,
                    socket_connect_timeout=ANSWER_WITHIN_SECONDS,
                    socket_timeout=ANSWER_WITHIN_SECONDS,
                    retry=Retry(NoBackoff(), 0),
                )
            return self._redis


def _read(line: bytes) -> PersonHere:
    """A line as the script wrote it: a time, what the person does, the name."""
    _, _, said = line.decode(errors="replace").partition(" ")
    doing, _, name = said.partition(" ")
    return PersonHere(clean_line(name, NAME_LENGTH) or "Somebody", doing == WRITING)
