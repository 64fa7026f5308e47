"""The signing secrets of a webhook, while they are exchanged.

The new secret signs beside the old one until the receiver knows it and the old one is removed.
"""

from sqlalchemy.orm import Session

from webapp.domain.notices.target_kinds import Kind
from webapp.models import Target
from webapp.outbound.webhook import new_secret
from webapp.services.errors import RefusedError
from webapp.services.notices.targets.edit_targets import get_team_target, record_target_event
from webapp.services.notices.targets.values import SIGNING_SECRET, Settings, settings_of
from webapp.services.transactions import transaction


def count_secrets(target: Target) -> int:
    """Return how many secrets sign what this webhook is sent."""
    return len(settings_of(target).secret.get(SIGNING_SECRET, "").split())


def rotate_secret(target_id: int, *, actor_id: int | None = None) -> str:
    """Make a new secret that signs beside the old one, and return it: it is not shown again.

    Raises NotFoundError, and RefusedError if two secrets sign already.
    """
    with transaction() as session:
        target = _get_webhook(session, target_id)
        valid = settings_of(target).secret.get(SIGNING_SECRET, "").split()
        if len(valid) > 1:
            raise RefusedError("Remove the old secret first: two sign already.")
        made = new_secret()
        _store(target, [made, *valid])
        after = {"secrets": True}
        record_target_event(session, "secret_rotated", target, after=after, actor_id=actor_id)
        return made


def remove_old_secret(target_id: int, *, actor_id: int | None = None) -> None:
    """Let only the newest secret sign. Raises NotFoundError, and RefusedError if it is alone."""
    with transaction() as session:
        target = _get_webhook(session, target_id)
        valid = settings_of(target).secret.get(SIGNING_SECRET, "").split()
        if len(valid) < 2:
            raise RefusedError("There is no old secret.")
        _store(target, valid[:1])
        after = {"secrets": True}
        record_target_event(session, "old_secret_removed", target, after=after, actor_id=actor_id)


def _get_webhook(session: Session, target_id: int) -> Target:
    target = get_team_target(session, target_id, lock=True)
    if target.kind != Kind.WEBHOOK.value:
        raise RefusedError(f"{target.name} has no signing secret.")
    return target


def _store(target: Target, valid: list[str]) -> None:
    settings = settings_of(target)
    target.secrets = Settings(settings.plain, {SIGNING_SECRET: " ".join(valid)}).sealed()
