"""One metric with its values."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A gauge: its name without the prefix, its help, its labels and their values.

    All are gauges, because the database forgets old records: what is counted covers a span of time
    that the help names.
    """

    name: str
    help: str
    labels: Sequence[str]
    values: Sequence[tuple[Sequence[object], float]]
