"""The hidden command with which `up --demo` fills its desk."""

import os

import click
from flask import current_app

from webapp.cli.demo_setup import ADMIN_EMAIL, API_SECRET_VARIABLE, HELPDESK_EMAIL
from webapp.services.operations.fill_demo import seed_demo


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
    )


commands = [seed_command]
