"""Sending one message at once, while somebody waits for the answer."""

from webapp import clock
from webapp.domain.notices.events import TEST_TYPE
from webapp.domain.notices.message import Link, Message
from webapp.extensions import current_config
from webapp.models import Target
from webapp.outbound.errors import DeliveryError
from webapp.outbound.send import send
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.notices.targets.destinations import read_destination
from webapp.services.transactions import reading


def send_now(target_id: int, message: Message) -> str:
    """Send `message` to the target, also if it is paused; return the receiver's answer in words.

    Nothing is kept of it, and nothing tries it again. Raises RefusedError with what the receiver
    said, and NotFoundError.
    """
    config = current_config()
    try:
        with reading() as session:
            target = session.get(Target, target_id)
            if target is None:
                raise NotFoundError("There is no such target.")
            destination = read_destination(session, target, config)
        return send(destination, message)
    except DeliveryError as error:
        raise RefusedError(str(error)) from error


def build_test_message(name: str) -> Message:
    """Return the message of "Send a test" to the target `name`."""
    now, url = clock.utcnow(), current_config().own_url
    return Message(
        key=f"test-{now.timestamp():.6f}",
        event=TEST_TYPE,
        subject=f"test:{name}",
        title="Test message from Triagedesk",
        lines=(f"Messages of Triagedesk arrive at “{name}”.", "Nothing has to be done."),
        links=(Link("Open Triagedesk", url),),
        mail_subject="Test message from Triagedesk",
        happened_at=now,
        data={"message": "Test message from Triagedesk", "target": name, "url": url},
    )
