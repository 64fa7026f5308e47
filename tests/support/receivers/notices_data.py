"""Targets, policies and people for tests of notices, and a receiver that keeps what it is sent."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from webapp import clock
from webapp.domain.notices.message import Message
from webapp.domain.notices.policy import Conditions
from webapp.domain.notices.target_kinds import Kind
from webapp.models import Policy, PolicyStep, Target, User
from webapp.models.user import NO_PASSWORD, ROLE_HELPDESK
from webapp.outbound.settings import Destination
from webapp.services.notices import deliver
from webapp.services.notices.escalate import advance_escalations, find_due_targets
from webapp.services.transactions import transaction

Answer = Callable[[Destination, Message], str]


@dataclass
class Mailbox:
    """Plays every receiver: keeps messages by the target's main setting, or raises `failure`."""

    messages: list[tuple[str, Message]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)

    def send(self, destination: Destination, message: Message) -> str:
        name = destination.settings.get("to") or destination.settings.get("url") or "?"
        if name in self.failures:
            raise self.failures[name]
        self.messages.append((name, message))
        return "200 OK"

    def to(self, name: str) -> list[Message]:
        return [message for at, message in self.messages if at == name]

    def titles(self, name: str) -> list[str]:
        return [message.title for message in self.to(name)]


@contextmanager
def receiving() -> Iterator[Mailbox]:
    """Whatever is delivered inside the block arrives in a mailbox."""
    mailbox = Mailbox()
    with patch.object(deliver, "send", mailbox.send):
        yield mailbox


def add_target(
    name: str, kind: Kind = Kind.EMAIL, *, user_id: int | None = None, **values: Any
) -> int:
    """A target whose main setting is `name`; a person's is confirmed."""
    now = clock.utcnow()
    setting = "to" if kind in (Kind.EMAIL, Kind.SMS) else "url"
    secrets = json.dumps({"secret": "whsec_" + "QUJD" * 8}) if kind is Kind.WEBHOOK else None
    with transaction() as session:
        target = Target(
            name=name,
            kind=kind.value,
            settings={setting: name},
            secrets=secrets,
            user_id=user_id,
            created_at=now,
            confirmed_at=now if user_id else None,
            **values,
        )
        session.add(target)
        session.flush()
        return target.id


def add_person(name: str) -> tuple[int, int]:
    """A helpdesk user with one confirmed contact method: the ids of both."""
    with transaction() as session:
        user = User(
            email=f"{name.lower()}@example.com",
            name=name,
            password_hash=NO_PASSWORD,
            role=ROLE_HELPDESK,
            created_at=clock.utcnow(),
        )
        session.add(user)
    return user.id, add_target(f"{name.lower()}-phone", Kind.EMAIL, user_id=user.id)


def add_policy(
    name: str,
    steps: Sequence[tuple[int, Sequence[int]]],
    *,
    repeats: int = 0,
    on_call: bool | Collection[int] = False,
    **conditions: Any,
) -> int:
    """A policy with steps (minutes, targets); `on_call`: each, or those, tell who is on call."""
    now = clock.utcnow()
    with transaction() as session:
        policy = Policy(
            name=name,
            position=session.query(Policy).count(),
            conditions=Conditions(**conditions).as_json(),
            repeats=repeats,
            created_at=now,
            updated_at=now,
            steps=[
                PolicyStep(
                    position=place,
                    after_minutes=minutes,
                    tells_on_call=on_call if isinstance(on_call, bool) else place in on_call,
                    targets=[session.get_one(Target, key) for key in targets],
                )
                for place, (minutes, targets) in enumerate(steps)
            ],
        )
        session.add(policy)
        session.flush()
        return policy.id


def deliver_all() -> int:
    """Run due steps and deliver everything that is due now; returns how many messages left."""
    advance_escalations(clock.utcnow())
    sent = 0
    for target_id in find_due_targets(clock.utcnow()):
        sent += deliver.deliver_target(target_id)
    return sent
