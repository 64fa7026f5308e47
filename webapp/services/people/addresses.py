"""Finding a person by the address that somebody typed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.untrusted import clean_line
from webapp.models import User
from webapp.models.user import EMAIL_LENGTH


def as_looked_up(email: str) -> str:
    """The typed address as it is looked up: in lower case, without what cannot be seen."""
    return (clean_line(email, EMAIL_LENGTH) or "").lower()


def user_by_email(session: Session, email: str) -> User | None:
    """The user with this address, in upper or lower case, read afresh; None if there is none."""
    query = select(User).where(User.email == as_looked_up(email))
    return session.scalar(query.execution_options(populate_existing=True))
