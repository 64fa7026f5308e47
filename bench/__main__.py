"""`python -m bench`: measure, and print the figures as a table."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from bench.backlog import measure_backlog
from bench.backup import measure_backup
from bench.desk import measure_desk
from bench.drain import measure_drain
from bench.idle import measure_idle
from bench.live import measure_live
from bench.mapping import measure_mapping
from bench.memory import measure_memory
from bench.metrics import measure_metrics
from bench.notices import measure_outbox, measure_telling
from bench.throughput import measure_throughput

PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "backlog of 500": measure_backlog,
    "throughput on SQLite": lambda: measure_throughput("sqlite"),
    "throughput on PostgreSQL": lambda: measure_throughput("postgresql"),
    "drain of 12,000": measure_drain,
    "memory of the idle product": measure_memory,
    "idle cycle on SQLite": lambda: measure_idle("sqlite"),
    "idle cycle on PostgreSQL": lambda: measure_idle("postgresql"),
    "telling of 500 on SQLite": lambda: measure_telling("sqlite"),
    "telling of 500 on PostgreSQL": lambda: measure_telling("postgresql"),
    "outbox of 10,000": measure_outbox,
    "desk of 100,000 on SQLite": lambda: measure_desk("sqlite"),
    "desk of 100,000 on PostgreSQL": lambda: measure_desk("postgresql"),
    "live at 100,000 on SQLite": lambda: measure_live("sqlite"),
    "live at 100,000 on PostgreSQL": lambda: measure_live("postgresql"),
    "backup of 100,000 on SQLite": lambda: measure_backup("sqlite"),
    "backup of 100,000 on PostgreSQL": lambda: measure_backup("postgresql"),
    "metrics at 100,000 on SQLite": lambda: measure_metrics("sqlite"),
    "metrics at 100,000 on PostgreSQL": lambda: measure_metrics("postgresql"),
    "mapping table on SQLite": lambda: measure_mapping("sqlite"),
    "mapping table on PostgreSQL": lambda: measure_mapping("postgresql"),
}


def main() -> None:
    """Run all measurements, or those whose name contains one of the words given."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("words", nargs="*", help="only the parts whose name contains one of these")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    chosen = {
        name: part
        for name, part in PARTS.items()
        if not arguments.words or any(word in name for word in arguments.words)
    }
    results: dict[str, Any] = {}
    for name, part in chosen.items():
        results[name] = part()
        if not arguments.json:
            print(f"{name:<26}", "  ".join(f"{k}={_figure(v)}" for k, v in results[name].items()))
    if arguments.json:
        print(json.dumps(results, indent=2))


def _figure(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    main()
