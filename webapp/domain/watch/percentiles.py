"""Percentiles of durations."""

from collections.abc import Mapping, Sequence

PERCENTILES = (50, 95, 100)


def percentiles_of(seconds: Sequence[float]) -> Mapping[int, float]:
    """Return each of PERCENTILES by nearest rank; empty where there are no values."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {one: ordered[max(0, -(-one * len(ordered) // 100) - 1)] for one in PERCENTILES}
