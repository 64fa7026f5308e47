"""A simulated Huntress account: tables, a believable demo, and time that passes."""

import random
from datetime import datetime

from webapp.huntress.simulator.catalog import add_companies
from webapp.huntress.simulator.rows import AccountRows
from webapp.huntress.simulator.story import Story, add_history


class SimulatedAccount(AccountRows):
    """An in-memory account behind one lock; empty unless made with `demo`.

    See `AccountRows` for the methods that read and change it.
    """

    def __init__(
        self,
        *,
        account_id: int = 30_911,
        name: str = "Tallow & Reed Managed IT",
        subdomain: str = "tallowreed",
        now: datetime,
        seed: int = 1,
    ) -> None:
        super().__init__(account_id=account_id, name=name, subdomain=subdomain, now=now)
        self._story = Story(seed=seed, start=now)

    @classmethod
    def demo(cls, *, now: datetime, seed: int = 1) -> "SimulatedAccount":
        """An MSP with 12 organizations, 60 agents and 150 incidents of the 14 days before `now`.

        The same `now` and `seed` give the same account, ids and texts included.
        """
        account = cls(now=now, seed=seed)
        rng = random.Random(seed)
        add_companies(account, rng)
        add_history(account, rng, now)
        return account

    def pass_time(self, now: datetime) -> None:
        """Let the story go on up to `now`: new incidents, updates, rises, closings, reopenings.

        Two or three events a minute, each stamped with its own time, the same for the same
        seed however often this is called; a `now` of the past changes nothing.
        """
        with self.lock:
            self._story.advance(self, now)
