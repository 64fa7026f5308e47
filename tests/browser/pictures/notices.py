"""Pictures of notifications: targets, outbox, mutes, settings, contact methods."""

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy import select

from tests.browser.screenshots import Picture, every_look, served_desk, take
from tests.support.receivers.notices_data import add_target
from webapp import clock
from webapp.domain.notices.target_kinds import Kind
from webapp.models import Client, NotificationSettings, OutboxRow, Target, Ticket, User
from webapp.models.outbox import OutboxState
from webapp.services.notices.mute_client import mute_client
from webapp.services.operations import read_banner
from webapp.services.transactions import reading, transaction
from webapp.task_queue import QueueStatus

ALL_WELL = QueueStatus(True, has_worker=True, has_scheduler=True)
REFUSED = "hooks.slack.com answers 404: the address does not exist (any more)."
TIMED_OUT = "psa.example.com did not answer in time."
STATES = ((OutboxState.SENT, 1), (OutboxState.FAILED, 9), (OutboxState.PENDING, 2))


def document_pictures(browser: Browser, folder: Path) -> None:
    """The documents show pictures of the whole desk; see screenshots.py."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """Every page, empty and filled."""
    with (
        patch.object(read_banner, "recent_queue_status", lambda: ALL_WELL),
        served_desk() as (app, url),
    ):
        empty = ("targets", "outbox", "mutes")
        take(
            browser,
            url,
            [Picture(f"notices-no-{name}", f"/notifications/{name}") for name in empty],
            folder,
        )
        with app.app_context():
            hook = fill()
        paths = {
            "targets": "/notifications/targets",
            "choose-kind": "/notifications/targets/new",
            "new-target": "/notifications/targets/new?kind=teams",
            "target": f"/notifications/targets/{hook}",
            "outbox": "/notifications/outbox",
            "mutes": "/notifications/mutes",
            "settings": "/notifications/settings",
            "contact": "/preferences",
            "choose-contact": "/preferences/contact-methods/new",
            "users": "/users",
            "muted-client": "/clients/2",
            "muted-dashboard": "/",
            "told-ticket": f"/tickets/{told_ticket(app)}",
        }
        for name, path in paths.items():
            take(browser, url, every_look(f"notices-{name}", path), folder)


def fill() -> int:
    """Targets in every state, messages, a mute; returns the id of a webhook that fails."""
    now = clock.utcnow()
    mail = add_target("soc@example.com", last_success_at=now - timedelta(minutes=3))
    hook = add_target(
        "https://psa.example.com/hooks/triagedesk",
        Kind.WEBHOOK,
        failing_since=now - timedelta(hours=2),
        failures=4,
        last_answer=TIMED_OUT,
        last_success_at=now - timedelta(hours=3),
    )
    slack = add_target("Slack #soc", Kind.SLACK, paused_at=now, pause_reason=REFUSED)
    add_target("Night shift by SMS", Kind.SMS)
    with reading() as session:
        people = session.scalars(select(User.id).order_by(User.id)).all()
        client = session.scalars(select(Client.id).order_by(Client.id.desc())).first()
        ticket = session.scalars(select(Ticket.id).order_by(Ticket.id.desc())).first()
    add_target("Email carla@example.com", user_id=people[0])
    add_target("SMS …0123", Kind.SMS, user_id=people[0])
    with transaction() as session:
        session.get_one(Target, mail).tells_alarms = True
        session.scalars(select(Target).where(Target.name == "SMS …0123")).one().confirmed_at = None
        settings = session.get_one(NotificationSettings, 1)
        settings.holidays = ["2026-12-25"]
        settings.time_zone = "Europe/Berlin"
        settings.quiet_hours = {"zone": "Europe/Berlin", "begins": "22:00", "ends": "07:00"}
        settings.mail_host, settings.mail_user = "smtp.example.com", "desk"
        settings.mail_password = "not shown"
        settings.mail_sender = "Triagedesk <desk@example.com>"
        settings.daily_summary_at = "07:30"
        for number in range(12):
            state, attempts = STATES[number % 3]
            session.add(
                OutboxRow(
                    key=f"picture:{number}",
                    target_id=(mail, slack, hook)[number % 3],
                    target_name=("soc@example.com", "Slack #soc", "PSA")[number % 3],
                    event=("ticket.created", "ticket.severity_raised", "ticket.closed")[number % 3],
                    ticket_id=ticket,
                    facts={},
                    created_at=now - timedelta(minutes=number * 7),
                    due_at=now - timedelta(minutes=number * 7),
                    next_try_at=now + timedelta(minutes=5),
                    sent_at=now if state is OutboxState.SENT else None,
                    state=state,
                    attempts=attempts,
                    answer=("250 2.0.0 Queued as 4XyZ", REFUSED, TIMED_OUT)[number % 3],
                )
            )
    mute_client(client or 1, now + timedelta(hours=6), reason="Penetration test", actor_id=1)
    mute_client(2, now + timedelta(hours=3), reason="Penetration test", actor_id=people[0])
    return hook


def told_ticket(app: Flask) -> int:
    """The ticket that messages were about."""
    with app.app_context(), reading() as session:
        return session.scalars(select(OutboxRow.ticket_id).limit(1)).one() or 1
