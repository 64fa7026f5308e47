"""The hidden commands of `up --demo`: filling its desk, and taking its mails."""

import os

import click
from flask import current_app

from webapp.cli.demo_setup import ADMIN_EMAIL, API_SECRET_VARIABLE, HELPDESK_EMAIL
from webapp.cli.support import load_checked_config
from webapp.runtime.demo_mail import run_mail_server
from webapp.services.operations.fill_demo import seed_demo
from webapp.services.operations.read_demo_mail import mail_folder


@click.command("seed-demo", hidden=True)
def seed_command() -> None:
    """Fill the demo's desk; refuses anything but the demo's own data directory."""
    if not current_app.extensions["triagedesk_config"].is_demo:
        raise click.ClickException("This is not the demo.")
    env = os.environ
    seed_demo(
        env["DEMO_HUNTRESS_URL"],
        env["DEMO_HUNTRESS_KEY"],
        env[API_SECRET_VARIABLE],
        admin=(ADMIN_EMAIL, env["DEMO_ADMIN_PASSWORD"]),
        helpdesk=(HELPDESK_EMAIL, env["DEMO_HELPDESK_PASSWORD"]),
        mail_port=int(env["DEMO_MAIL_PORT"]),
    )


@click.command("demo-mail", hidden=True)
@click.option("--port", type=int, required=True)
def mail_command(port: int) -> None:
    """Take the demo's mails, and keep them where the demo shows them."""
    config = load_checked_config()
    if not config.is_demo:
        raise click.ClickException("This is not the demo.")
    run_mail_server(mail_folder(config.data_dir), port)


commands = [seed_command, mail_command]
