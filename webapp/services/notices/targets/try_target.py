"""Sending a test: one message at once, with the receiver's answer in words."""

from sqlalchemy import update

from webapp import clock
from webapp.models import Target
from webapp.outbound.errors import DeliveryError
from webapp.outbound.send import send
from webapp.services.errors import RefusedError
from webapp.services.notices.deliver_now import build_test_message, send_now
from webapp.services.notices.targets.destinations import mail_destination, read_mail_server
from webapp.services.notices.targets.edit_targets import get_team_target
from webapp.services.transactions import NO_SYNC, reading, transaction


def try_target(target_id: int) -> str:
    """Send a test to a target of the team, and return the receiver's answer in words.

    The answer is kept: one that is good ends a failure, so that what waits is sent. A paused
    target stays paused. Raises NotFoundError, and RefusedError with what the receiver said.
    """
    with reading() as session:
        name = get_team_target(session, target_id).name
    try:
        words = send_now(target_id, build_test_message(name))
    except RefusedError as error:
        _keep(target_id, last_answer=str(error))
        raise
    note_success(target_id, words)
    return words


def note_success(target_id: int, words: str) -> None:
    """Keep that a target answered just now."""
    _keep(
        target_id,
        last_answer=words,
        last_success_at=clock.utcnow(),
        failing_since=None,
        failures=0,
        rests_until=None,
    )


def send_test_mail(address: str) -> str:
    """Send a test mail to `address` and return the mail server's answer.

    Raises RefusedError with what the server said, or if none is set up.
    """
    with reading() as session:
        server = read_mail_server(session)
    try:
        return send(mail_destination(address, server), build_test_message(address))
    except DeliveryError as error:
        raise RefusedError(str(error)) from error


def _keep(target_id: int, **values: object) -> None:
    with transaction() as session:
        session.execute(
            update(Target).where(Target.id == target_id).values(**values),
            execution_options=NO_SYNC,
        )
