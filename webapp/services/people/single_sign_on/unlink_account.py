"""Cutting the tie between an account and somebody at the identity provider."""

from webapp.models import User
from webapp.services.lookups import get_user
from webapp.services.people.security_notes import tell_person
from webapp.services.people.sessions import end_sessions
from webapp.services.people.users import record_user_event
from webapp.services.transactions import transaction


def unlink_account(user_id: int, *, actor_id: int | None = None) -> bool:
    """Unlink an account and end its sessions; returns whether it was linked.

    The next sign-in with a verified address links it again, so this is for a person whose account
    at the provider was replaced. The role stays as it is until then. Raises NotFoundError.
    """
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if not user.is_linked:
            return False
        _unlink(user)
        end_sessions(session, user.id, actor_id=actor_id)
        record_user_event(session, user, "user.unlinked", actor_id)
        tell_person(
            session,
            user.id,
            subject="Your Triagedesk account was unlinked",
            sentence=(
                "An admin unlinked your account from the identity provider. It is linked again when"
                " you next sign in there."
            ),
        )
        return True


def _unlink(user: User) -> None:
    user.oidc_issuer = user.oidc_subject = None
    user.is_role_provided = False
