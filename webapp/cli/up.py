"""`triagedesk up`: the whole product on one machine."""

import os
import socket
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from subprocess import run

import click

from webapp.cli.demo_setup import Demo
from webapp.config import (
    NOT_FOR_THE_SCHEDULER,
    NOT_WITHOUT_PAGES,
    SECRETS,
    Config,
    ConfigError,
    load_config,
    read_data_dir,
    without,
)
from webapp.config.logs import LogFormat
from webapp.runtime import embedded_valkey
from webapp.runtime.data_dir import create_data_dir, create_keys, locked
from webapp.runtime.network import (
    describe_socket,
    is_loopback,
    listen,
    require_safe_host,
    take_over_socket,
)
from webapp.runtime.supervisor import Part, Supervisor

VALKEY_START_SECONDS = 15.0
WEB_START_SECONDS = 90.0
SERVING = "Serving on"
LOCAL_URL = "TRIAGEDESK_LOCAL_URL"

NOT_NEEDED = {
    "worker": NOT_WITHOUT_PAGES,
    "scheduler": NOT_FOR_THE_SCHEDULER,
    "watch": NOT_WITHOUT_PAGES,
}
"""The parts without pages, and the secrets that each of them is started without."""


@click.command("up")
@click.option("--demo", is_flag=True, help="A simulated Huntress account, in ./demo-data.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--systemd-socket", is_flag=True, help="Listen on the socket that systemd hands over."
)
def up_command(demo: bool, host: str, port: int, systemd_socket: bool) -> None:
    """Run web, worker, scheduler, watcher and the job queue until Ctrl-C."""
    if demo:
        if not is_loopback(host):
            raise ConfigError("The demo is for this machine only.", "Leave --host out.")
        run_demo(host, port)
    else:
        run_up(os.environ, None if systemd_socket else (host, port))


def run_up(env: MutableMapping[str, str], address: tuple[str, int] | None) -> None:
    """Create what is missing, migrate and run until a signal. Raises ConfigError.

    `address` is host and port; None takes the socket that systemd hands over.
    """
    create_data_dir(read_data_dir(env))
    create_keys(env)
    config = load_config(env)
    if address is not None:
        require_safe_host(address[0], config.public_url)
    with (
        locked(config.data_dir),
        listen(*address) if address else take_over_socket(env, config) as server,
        supervised(config, env) as supervisor,
    ):
        start_desk(supervisor, env, server, config.public_url)
        supervisor.run()


def run_demo(host: str, port: int) -> None:
    """Do the same as run_up() with a data directory and a Huntress account only for the demo."""
    demo = Demo.prepare(os.environ)
    create_data_dir(demo.data_dir)
    with locked(demo.data_dir), listen(host, port) as server:
        demo.empty_data_dir()
        create_keys(demo.env)
        config = load_config(demo.env)
        with supervised(config, demo.env) as supervisor:
            supervisor.start(Part("simulator", _python(*demo.simulator_command), demo.env))
            supervisor.start(Part("mail", _python(*demo.mail_command), demo.env))
            if not supervisor.wait_until(demo.is_up, VALKEY_START_SECONDS):
                return
            if _run_to_end(["seed-demo"], demo.env):
                start_desk(supervisor, demo.env, server)
                click.echo(demo.describe())
                supervisor.run()


@contextmanager
def supervised(config: Config, env: Mapping[str, str]) -> Iterator[Supervisor]:
    """Start Redis and migrate the database, then yield the supervisor.

    Ends all parts afterwards.
    """
    supervisor = Supervisor(writes_json=config.log_format is LogFormat.JSON)
    supervisor.install_signal_handlers()
    try:
        if config.uses_embedded_redis:
            start_valkey(supervisor, config, env)
        if not _run_to_end(["migrate"], env):
            raise SystemExit(1)
        yield supervisor
    finally:
        supervisor.stop()


def start_valkey(supervisor: Supervisor, config: Config, env: Mapping[str, str]) -> None:
    """Start the embedded server and wait until it answers; raises ConfigError."""
    embedded_valkey.prepare(config)
    command = embedded_valkey.build_command(config)
    its_env = without(env, SECRETS)
    supervisor.start(
        Part("valkey", command, its_env, stop_rank=1, hidden=embedded_valkey.USUAL_MESSAGES)
    )
    is_up = supervisor.wait_until(
        lambda: embedded_valkey.is_answering(config), VALKEY_START_SECONDS
    )
    if not is_up and not supervisor.is_stopping:
        raise ConfigError(
            "The embedded Valkey server does not start.",
            f"Its messages are above; its data is in {config.data_dir / 'valkey'} and may be"
            " deleted: nothing is lost with it.",
        )


def start_desk(
    supervisor: Supervisor,
    env: Mapping[str, str],
    server: socket.socket,
    public_url: str | None = None,
) -> None:
    """Start the parts, and print the address once the web server answers."""
    if supervisor.is_stopping:
        return
    if server.family != socket.AF_UNIX:
        env = {LOCAL_URL: f"http://{describe_socket(server)}", **env}
    web = _python("-m", "webapp", "web", "--fd", str(server.fileno()))
    supervisor.start(Part("web", web, env, pass_fds=(server.fileno(),), has_pulse=True))
    for name, left_out in NOT_NEEDED.items():
        its_env = without(env, left_out)
        supervisor.start(Part(name, _python("-m", "webapp", name), its_env, has_pulse=True))
    if supervisor.wait_until(lambda: supervisor.has_said("web", SERVING), WEB_START_SECONDS):
        announce(server, public_url)


def announce(server: socket.socket, public_url: str | None) -> None:
    """Print the address of the desk."""
    scheme = "" if server.family == socket.AF_UNIX else "http://"
    address = f"{scheme}{describe_socket(server)}"
    if public_url is None:
        click.echo(f"Triagedesk is at {address} (Ctrl-C stops everything)")
    else:
        click.echo(f"Triagedesk is at {public_url}, for its reverse proxy at {address}")


def _python(*words: str) -> list[str]:
    """The command line for this interpreter, without imports from the current directory."""
    return [sys.executable, "-P", *words]


def _run_to_end(words: list[str], env: Mapping[str, str]) -> bool:
    """Run one of our commands in its own process, so that its memory is free afterwards.

    Returns whether it succeeded.
    """
    return run(_python("-m", "webapp", *words), env=dict(env), check=False).returncode == 0  # noqa: S603


commands = [up_command]
