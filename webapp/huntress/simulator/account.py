"""A simulated Huntress account with its tables, a believable demo, and events over time."""

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
        """Return an MSP with 12 organizations, 60 agents and 150 incidents.

        The incidents are from the 14 days before `now`.

        The same `now` and `seed` give the same account, including ids and texts.
        """
        account = cls(now=now, seed=seed)
        rng = random.Random(seed)
        add_companies(account, rng)
        add_history(account, rng, now)
        return account

    def pass_time(self, now: datetime) -> None:
        """Let events happen up to `now`: new incidents, updates, rises, closings, reopenings.

        There are two or three events a minute, each with its own time. They depend on the seed
        only, not on how often this is called. A `now` in the past changes nothing.
        """
        with self.lock:
            self._story.advance(self, now)
