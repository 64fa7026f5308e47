"""Running commands as from a shell: environment in, exit code, stdout and stderr out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.fake_clock import FakeClock
from webapp.cli import triagedesk
from webapp.huntress.simulator import SimulatedAccount, Simulator


@dataclass
class Shell:
    """An installation with a simulated account; `app` is open too, to look at the database."""

    env: dict[str, str]
    simulator: Simulator
    clock: FakeClock

    def run(self, *arguments: str, stdin: str = "", **env: str) -> Result:
        """Run `triagedesk` with `arguments`."""
        return CliRunner().invoke(triagedesk, arguments, input=stdin, env={**self.env, **env})

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that succeeds; returns what it printed."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command that succeeds with --json; returns the one document on stdout."""
        return json.loads(self.ok(*arguments, "--json"))

    def refused(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that is refused; returns what it says on stderr."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 1, (result.output, result.exception)
        assert isinstance(result.exception, SystemExit)
        return result.stderr

    def connect(self) -> str:
        """Connect the account; returns the id as commands take it."""
        return str(self.json("connection", "add", "--base-url", self.simulator.base_url)["id"])

    def route(self, connection_id: str) -> None:
        """Complete the routing."""
        self.ok(
            *("routing", "set", connection_id, "--board", "Security"),
            *("--fallback-client", "Internal (unmapped security)"),
            *("--fallback-board", "Security Triage"),
        )


@pytest.fixture
def shell(app: Flask, tmp_path: Path, database_url: str, fake_clock: FakeClock) -> Iterator[Shell]:
    account = SimulatedAccount(now=fake_clock.now(), name="Acme MSP", subdomain="acme")
    with Simulator(account, clock=fake_clock.now) as simulator:
        env = {
            "TRIAGEDESK_DATA_DIR": str(tmp_path),
            "TRIAGEDESK_DATABASE_URL": database_url,
            "TRIAGEDESK_REDIS_URL": f"unix://{tmp_path}/no-valkey.sock",
            "TRIAGEDESK_SECRET_KEY": SECRET_KEY,
            "TRIAGEDESK_ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "TRIAGEDESK_HUNTRESS_HOSTS": simulator.base_url,
            "HUNTRESS_API_KEY": "hk_demo",
            "HUNTRESS_API_SECRET": "hs_demo",
        }
        yield Shell(env, simulator, fake_clock)
