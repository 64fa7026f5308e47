"""The account that an identity of the provider gets into: found, linked or made."""

import logging
from dataclasses import replace

from email_validator import EmailNotValidError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.config import SignOnSettings
from webapp.domain.security.entry import AccountEntry, AccountFacts, Refusal, Way, decide_entry
from webapp.domain.security.identity import ProvidedIdentity, role_for
from webapp.domain.untrusted import clean_line
from webapp.models import User
from webapp.models.columns import NAME_LENGTH
from webapp.models.user import NO_PASSWORD
from webapp.services.audit import record_event
from webapp.services.people.addresses import user_by_email
from webapp.services.people.security_notes import tell_person
from webapp.services.people.sessions import end_sessions
from webapp.services.people.single_sign_on.local_passwords import BreakGlassError
from webapp.services.people.single_sign_on.refusals import refusal_of
from webapp.services.people.single_sign_on.this_provider import role_values
from webapp.services.people.users import (
    UserError,
    change_role,
    lock_active_admins,
    normalize_email,
    record_user_event,
)
from webapp.services.transactions import transaction

logger = logging.getLogger(__name__)


def enter_account(identity: ProvidedIdentity, settings: SignOnSettings) -> int:
    """Return the id of the user that an identity gets into, and store what changes with that.

    `decide_entry` says which. Raises SingleSignOnError; the refusal is on record.
    """
    identity = replace(identity, address=_normal(identity.address))
    try:
        result = _enter(identity, settings)
    except IntegrityError:  # the same person came in by another window at the same moment
        result = _enter(identity, settings)
    if isinstance(result, Refusal):
        raise refusal_of(result, identity, settings.name)
    return result


def _enter(identity: ProvidedIdentity, settings: SignOnSettings) -> int | Refusal:
    role = role_for(identity.values, role_values(settings))
    with transaction() as session:
        admins = lock_active_admins(session)
        known = _known(session, identity)
        namesake = _namesake(session, identity) if known is None else None
        entry = decide_entry(
            identity,
            role,
            gives_roles=settings.roles_claim is not None,
            known=_account(known, admins),
            namesake=_account(namesake, admins),
        )
        user = known or namesake
        if isinstance(entry, Refusal):
            _refuse(session, entry, user)
            return entry
        if user is None:
            return _create(session, identity, entry, settings.name)
        if entry.way is Way.LINK:
            _link(session, user, identity, settings.name)
        _give_role(session, user, entry, settings.name)
        return user.id


def _known(session: Session, identity: ProvidedIdentity) -> User | None:
    query = select(User).where(
        User.oidc_issuer == identity.issuer, User.oidc_subject == identity.subject
    )
    return session.scalar(query.with_for_update(key_share=True))


def _namesake(session: Session, identity: ProvidedIdentity) -> User | None:
    if identity.address is None:
        return None
    found = user_by_email(session, identity.address)
    if found is None:
        return None
    query = select(User).where(User.id == found.id).execution_options(populate_existing=True)
    return session.scalar(query.with_for_update(key_share=True))


def _account(user: User | None, admins: list[int]) -> AccountFacts | None:
    if user is None:
        return None
    return AccountFacts(
        role=user.role,
        is_active=user.is_active,
        is_linked=user.is_linked,
        is_role_provided=user.is_role_provided,
        is_last_admin=admins == [user.id],
        is_break_glass=user.is_break_glass,
    )


def _refuse(session: Session, refusal: Refusal, user: User | None) -> None:
    """Put a refusal on record; who has no role any more is signed out everywhere, too."""
    if user is not None and refusal is Refusal.NO_ROLE_ANY_MORE:
        end_sessions(session, user.id, actor_id=None)
    record_event(
        session,
        action="session.refused",
        subject_type="user",
        subject_id=None if user is None else user.id,
        after={"reason": refusal.value, "method": "single-sign-on"},
    )


def _create(session: Session, identity: ProvidedIdentity, entry: AccountEntry, name: str) -> int:
    address = identity.address or ""
    user = User(
        email=address,
        name=clean_line(identity.name, NAME_LENGTH) or address,
        password_hash=NO_PASSWORD,
        role=entry.role,
        is_active=True,
        is_role_provided=True,
        oidc_issuer=identity.issuer,
        oidc_subject=identity.subject,
        created_at=clock.utcnow(),
    )
    session.add(user)
    session.flush()
    record_user_event(
        session, user, "user.added", None, email=address, role=user.role, provider=name
    )
    return user.id


def _link(session: Session, user: User, identity: ProvidedIdentity, name: str) -> None:
    user.oidc_issuer, user.oidc_subject = identity.issuer, identity.subject
    session.flush()
    record_user_event(session, user, "user.linked", user.id, provider=name)
    tell_person(
        session,
        user.id,
        subject="Your Triagedesk account is linked",
        sentence=(
            f"Somebody signed in with {name} under your address, and your account is linked to them"
            " from now on. Was it not you? Then tell an admin at once."
        ),
    )


def _give_role(session: Session, user: User, entry: AccountEntry, name: str) -> None:
    if entry.keeps_admin:
        logger.warning(
            "%s gives user %s a lesser role; the last active admin stays one.", name, user.id
        )
        record_user_event(session, user, "user.role_kept", None, role=user.role, provider=name)
    try:
        change_role(session, user, entry.role, None, provider=name)
    except (UserError, BreakGlassError) as error:  # an admin has to see to it; they get in
        logger.warning("%s gives user %s another role; theirs stays. %s", name, user.id, error)
        record_user_event(
            session,
            user,
            "user.role_kept",
            None,
            role=user.role,
            wanted=entry.role,
            provider=name,
        )
    else:
        user.is_role_provided = entry.is_role_provided


def _normal(address: str | None) -> str | None:
    try:
        return None if address is None else normalize_email(address)
    except EmailNotValidError:
        return None
