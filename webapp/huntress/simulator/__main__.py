"""`python -m webapp.huntress.simulator` serves the demo's account until it is told to end."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

from webapp.huntress.simulator.account import SimulatedAccount
from webapp.huntress.simulator.simulator import Simulator, system_clock


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m webapp.huntress.simulator",
        description="Serve a simulated Huntress account on 127.0.0.1.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes a free port")
    parser.add_argument("--api-key", default="hk_demo")
    parser.add_argument(
        "--api-secret-env", metavar="VAR", help="environment variable that holds the secret"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, another story")
    parser.add_argument("--live", action="store_true", help="let time pass: new events each minute")
    parser.add_argument("--calls-per-minute", type=int, default=60)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the demo account until SIGTERM or SIGINT; print one line that ends with the URL.

    Returns 0, or 2 when the secret's variable is not set or the port is taken.
    """
    options = _parser().parse_args(argv)
    secret = "hs_demo"  # noqa: S105 - the demo's own, opens nothing real
    if options.api_secret_env:
        secret = os.environ.get(options.api_secret_env, "")
        if not secret:
            sys.stderr.write(f"{options.api_secret_env} is not set\n")
            return 2
    simulator = Simulator(
        SimulatedAccount.demo(now=system_clock(), seed=options.seed),
        port=options.port,
        api_key=options.api_key,
        api_secret=secret,
        calls_per_window=options.calls_per_minute,
        retry_after="seconds",
        live=options.live,
    )
    return _serve(simulator)


def _serve(simulator: Simulator) -> int:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        simulator.start()
    except OSError as error:
        sys.stderr.write(f"Cannot listen: {error}\n")
        return 2
    name = simulator.account.account["name"]
    sys.stdout.write(f"Simulated Huntress account of {name}: {simulator.base_url}\n")
    sys.stdout.flush()
    ended.wait()
    simulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
