"""Filling the demo with whom it tells: a mail server, a channel, people on call, policies."""

from webapp import clock
from webapp.domain.notices.target_kinds import Kind
from webapp.models import Target, User
from webapp.services.notices.mail_settings import MailValues, save_mail_settings
from webapp.services.notices.offer_policies import OfferChoice, take_offer
from webapp.services.notices.targets.contact_methods import add_contact_method
from webapp.services.notices.targets.edit_targets import TargetValues, add_target
from webapp.services.on_call.edit_rotation import RotationValues, set_rotation
from webapp.services.transactions import transaction

OPENING_HOURS = {"zone": "UTC", "begins": "08:00", "ends": "18:00", "weekdays": [0, 1, 2, 3, 4]}


def fill_demo_notices(people: list[User], mail_port: int) -> None:
    """Set up mail on this machine's `mail_port`, a rotation of `people`, and the offered policies.

    Raises FieldError if anything is refused.
    """
    save_mail_settings(
        MailValues(
            host="127.0.0.1",
            port=str(mail_port),
            security="none",
            sender="triagedesk@example.com",
        )
    )
    values = TargetValues(
        name="Security channel", settings={"to": "soc@example.com"}, tells_summaries=True
    )
    channel = add_target(Kind.EMAIL, values).target
    for person in people:
        _confirm(add_contact_method(person.id, Kind.EMAIL, {"to": person.email}).id)
    ids = [person.id for person in people]
    set_rotation(RotationValues("weekly", 0, "09:00", "UTC", ids))
    take_offer(OfferChoice(target_id=channel.id, hours=OPENING_HOURS))


def _confirm(method_id: int) -> None:
    """Confirm a contact method as its code would."""
    with transaction() as session:
        session.get_one(Target, method_id).confirmed_at = clock.utcnow()
