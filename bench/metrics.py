"""How long a scrape of `/metrics` takes on a desk of 100,000 tickets that has told of them."""

import gc
import statistics
import time
from dataclasses import replace

from bench.accounts import filled_app
from bench.desk_data import fill_desk_database
from bench.notice_data import fill_notices

ROUNDS = 60
WARM_UP = 5
TOKEN = "a-token-of-the-bench"


def measure_metrics(kind: str) -> dict[str, float]:
    """Milliseconds of a scrape (p50 and p95) on a database of `kind`, and the answer's lines."""
    with filled_app(kind, fill_desk_database) as app:
        fill_notices(app)
        app.extensions["triagedesk_config"] = replace(
            app.extensions["triagedesk_config"], metrics_token=TOKEN
        )
        client, times, lines = app.test_client(), [], 0
        gc.collect()
        gc.freeze()
        for number in range(WARM_UP + ROUNDS):
            started = time.perf_counter()
            answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
            if number >= WARM_UP:
                times.append(1000 * (time.perf_counter() - started))
            assert answer.status_code == 200, answer.status
            lines = answer.text.count("\n")
    return {
        "p50_ms": statistics.median(times),
        "p95_ms": statistics.quantiles(times, n=20)[-1],
        "lines": lines,
    }
