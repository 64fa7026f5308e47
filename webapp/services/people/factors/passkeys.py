"""A person's passkeys: making one, showing one, naming and removing them."""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.security.passkey_rules import is_copy
from webapp.domain.untrusted import clean_line
from webapp.models import Passkey, PendingSignIn, User
from webapp.models.columns import NAME_LENGTH
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.lookups import get_row, get_user
from webapp.services.people.factors.passkey_answers import (
    NewPasskey,
    PasskeyError,
    ask_for_known,
    ask_for_new,
    make_challenge,
    read_credential_id,
    read_new,
    read_shown,
    read_user_handle,
    relying_party,
)
from webapp.services.people.factors.stored_factors import (
    list_passkeys,
    note_added,
    note_removed,
    record_factor_event,
)
from webapp.services.people.pending_sign_ins import (
    PendingSignInError,
    begin_pending,
    use_pending,
)
from webapp.services.people.security_notes import tell_person
from webapp.services.transactions import reading, transaction

MOST_PASSKEYS = 20
MAKE_PASSKEY = "passkey-new"
SHOW_OWN_PASSKEY = "passkey-second-step"
SHOW_ANY_PASSKEY = "passkey-sign-in"
_HANDLE_BYTES = 32
_NAME = "passkey"
_NOT_THERE = "This passkey does not exist."
_UNKNOWN = "This passkey is not known here. Sign in another way, and add it again."


@dataclass(frozen=True, slots=True)
class PasskeyQuestion:
    """What the browser is asked, and the token with which its answer comes back."""

    token: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PasskeyUse:
    """A passkey that was shown; one whose counter gives a copy away must not be let in."""

    user_id: int
    is_copy: bool


class CopiedPasskeyError(PasskeyError):
    """The passkey's counter went back, as it does where two copies of it are used."""

    def __init__(self) -> None:
        super().__init__(
            "This passkey was not accepted: its counter went back, as it does when somebody has "
            "copied it. Sign in another way, remove it, and tell an admin."
        )


def ask_to_make_passkey(user_id: int) -> PasskeyQuestion:
    """Begin to add a passkey for a person. Raises PasskeyError, NotFoundError."""
    relying_party()
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if not user.passkey_handle:
            user.passkey_handle = secrets.token_urlsafe(_HANDLE_BYTES)
        handle, known = user.passkey_handle, list_passkeys(session, user.id)
    if len(known) >= MOST_PASSKEYS:
        raise PasskeyError(f"There are {MOST_PASSKEYS} passkeys already; remove one first.")
    challenge = make_challenge()
    token = begin_pending(MAKE_PASSKEY, user_id=user.id, challenge=challenge)
    return PasskeyQuestion(token, ask_for_new(user, handle, challenge, known))


def ask_for_own_passkey(
    user_id: int, purpose: str = SHOW_OWN_PASSKEY, *, needs_verification: bool = False
) -> PasskeyQuestion:
    """Ask for one of a person's passkeys; `purpose` is what the answer is for. Raises PasskeyError.

    As a second factor it need not be unlocked.
    """
    with reading() as session:
        known = list_passkeys(session, user_id)
    if not known:
        raise PasskeyError("There is no passkey of this account. Choose another way.")
    challenge = make_challenge()
    options = ask_for_known(challenge, known, needs_verification=needs_verification)
    token = begin_pending(purpose, user_id=user_id, challenge=challenge)
    return PasskeyQuestion(token, options)


def ask_for_any_passkey() -> PasskeyQuestion:
    """Ask for a passkey of whoever sits there, unlocked by them: to sign in without a password.

    Raises PasskeyError.
    """
    challenge = make_challenge()
    options = ask_for_known(challenge, needs_verification=True)
    return PasskeyQuestion(begin_pending(SHOW_ANY_PASSKEY, challenge=challenge), options)


def use_question(session: Session, token: str | None, purpose: str) -> PendingSignIn:
    """Take the question that an answer belongs to, once. Raises PasskeyError."""
    try:
        return use_pending(session, token, purpose)
    except PendingSignInError as error:
        raise PasskeyError(
            "The passkey's answer came too late, or was used already. Try again."
        ) from error


def add_passkey(
    session: Session, user: User, pending: PendingSignIn, answer: str, name: str | None
) -> Passkey:
    """Store the passkey that a browser made for a locked user, in the caller's transaction.

    Raises PasskeyError.
    """
    made = _made_for(user, pending, answer)
    number = len(list_passkeys(session, user.id)) + 1
    passkey = Passkey(
        user_id=user.id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=clean_line(name or "", NAME_LENGTH) or f"Passkey {number}",
        transports=made.transports,
        is_backed_up=made.is_backed_up,
        created_at=clock.utcnow(),
    )
    session.add(passkey)
    try:
        session.flush()
    except IntegrityError as error:
        raise PasskeyError("This passkey was added before.") from error
    note_added(session, user, _NAME, passkey=passkey.id, name=passkey.name)
    return passkey


def show_passkey(
    session: Session, pending: PendingSignIn, answer: str, *, needs_verification: bool
) -> PasskeyUse:
    """Check an answer and count its use, within the caller's transaction. Raises PasskeyError.

    The caller commits even if it is a copy, so that this stays on record, and then refuses it.
    """
    passkey = _shown_one(session, pending, answer)
    shown = read_shown(
        answer,
        pending.challenge or "",
        passkey.public_key,
        needs_verification=needs_verification,
    )
    if is_copy(passkey.sign_count, shown.sign_count):
        _report_copy(session, passkey)
        return PasskeyUse(passkey.user_id, is_copy=True)
    passkey.sign_count = shown.sign_count
    passkey.is_backed_up = shown.is_backed_up
    passkey.last_used_at = clock.utcnow()
    return PasskeyUse(passkey.user_id, is_copy=False)


def read_own_passkey(user_id: int, passkey_id: int) -> Passkey:
    """One's own passkey; raises NotFoundError."""
    with reading() as session:
        return _own(session, user_id, passkey_id, lock=False)


def rename_passkey(user_id: int, passkey_id: int, name: str) -> None:
    """Give one's own passkey another name. Raises FieldError, NotFoundError."""
    cleaned = clean_line(name, NAME_LENGTH + 1) or ""
    if not cleaned:
        raise FieldError({"name": "Enter a name, such as “Key on the key ring”."})
    if len(cleaned) > NAME_LENGTH:
        raise FieldError({"name": f"A name has at most {NAME_LENGTH} characters."})
    with transaction() as session:
        _own(session, user_id, passkey_id).name = cleaned


def remove_passkey(session: Session, user: User, passkey_id: int) -> str:
    """Remove a locked user's passkey in the caller's transaction; returns its name.

    Raises FactorRequiredError, NotFoundError.
    """
    passkey = _own(session, user.id, passkey_id)
    session.delete(passkey)
    note_removed(session, user, _NAME, passkey=passkey.id, name=passkey.name)
    return passkey.name


def _made_for(user: User, pending: PendingSignIn, answer: str) -> NewPasskey:
    if pending.user_id != user.id:
        raise PasskeyError(_UNKNOWN)
    return read_new(answer, pending.challenge or "")


def _shown_one(session: Session, pending: PendingSignIn, answer: str) -> Passkey:
    """The stored passkey of an answer, locked: of the person who is asked, if one is."""
    query = (
        select(Passkey)
        .join(Passkey.user)
        .where(Passkey.credential_id == read_credential_id(answer), User.is_active)
        .options(joinedload(Passkey.user))
        .with_for_update(of=Passkey)
    )
    passkey = session.scalar(query.execution_options(populate_existing=True))
    if passkey is None or pending.user_id not in (None, passkey.user_id):
        raise PasskeyError(_UNKNOWN)
    handle = read_user_handle(answer)
    is_named = handle is not None or pending.user_id is not None
    if not is_named or handle not in (None, passkey.user.passkey_handle):
        raise PasskeyError(_UNKNOWN)
    return passkey


def _report_copy(session: Session, passkey: Passkey) -> None:
    record_factor_event(session, passkey.user_id, "factor.copy_suspected", None, passkey=passkey.id)
    tell_person(
        session,
        passkey.user_id,
        subject="A passkey of yours was refused",
        sentence=f"Your passkey “{passkey.name}” was refused: its counter went back, as it does "
        "when somebody has copied it. Remove it, and tell an admin.",
    )


def _own(session: Session, user_id: int, passkey_id: int, *, lock: bool = True) -> Passkey:
    passkey = get_row(session, Passkey, passkey_id, _NOT_THERE, lock=lock)
    if passkey.user_id != user_id:
        raise NotFoundError(_NOT_THERE)
    return passkey
