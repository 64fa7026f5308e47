"""The one way to a client: its waits fit the lease."""

from dataclasses import replace

import pytest

from tests.support.poller import Desk
from webapp.extensions import current_config
from webapp.models import Connection
from webapp.services.calls.open_client import open_client
from webapp.services.transactions import reading


@pytest.mark.parametrize(("lease", "most"), [(1, 1 / 3), (3, 1.0), (15, 5.0), (120, 5.0)])
def test_a_slice_of_a_wait_is_at_most_a_third_of_the_lease(
    desk: Desk, lease: int, most: float
) -> None:
    left: list[float] = []
    config = replace(current_config(), lease_seconds=lease)
    with reading() as session:
        connection = session.get_one(Connection, desk.connection_id)
        client = open_client(connection, config, on_wait=lambda seconds, _: left.append(seconds))
    client.budget.wait(12, "test")
    client.close()
    slices = [one - two for one, two in zip(left, [*left[1:], 0.0], strict=True)]
    assert max(slices) == pytest.approx(most)
    assert sum(slices) == pytest.approx(12)
