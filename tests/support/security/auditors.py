"""An auditor for tests."""

from webapp import clock
from webapp.models import User
from webapp.models.user import ROLE_AUDITOR
from webapp.services.people.users import hash_password
from webapp.services.transactions import transaction

AUDITOR = ("vera@example.com", "Vera Lund")


def add_auditor(password: str = "") -> User:
    """Store an auditor; without a password nobody can sign in as this person."""
    with transaction() as session:
        user = User(
            email=AUDITOR[0],
            name=AUDITOR[1],
            password_hash=hash_password(password) if password else "!",
            role=ROLE_AUDITOR,
            is_active=True,
            created_at=clock.utcnow(),
        )
        session.add(user)
    return user
