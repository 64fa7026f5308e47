"""People's contact methods: adding, deleting, reading them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.models import OutboxRow, Target
from webapp.models.columns import NAME_LENGTH
from webapp.models.outbox import OutboxState
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.lookups import get_row
from webapp.services.notices.targets.destinations import VIA
from webapp.services.notices.targets.values import Settings, read_settings, settings_of
from webapp.services.transactions import NO_SYNC, reading, transaction

MOST_METHODS = 10
SHOWN_DIGITS = 4
PERSONAL_KINDS = tuple(kind for kind, what in KINDS.items() if what.is_personal)
NO_SUCH_METHOD = "There is no such contact method."


@dataclass(frozen=True, slots=True)
class ContactMethods:
    """A person's contact methods, and which kinds can be added and which lack an account."""

    methods: Sequence[Target]
    offered: Sequence[Kind]
    lacking: Sequence[Kind]


def read_contact_methods(user_id: int) -> ContactMethods:
    """Return what the section "How you are reached" shows."""
    with reading() as session:
        methods = session.scalars(
            select(Target)
            .where(Target.user_id == user_id)
            .order_by(Target.id)
            .execution_options(populate_existing=True)
        ).all()
        lenders = {kind: find_lender(session, kind) for kind in PERSONAL_KINDS}
    usable = [kind for kind in PERSONAL_KINDS if not KINDS[kind].borrowed or lenders[kind]]
    return ContactMethods(
        methods=methods,
        offered=usable,
        lacking=[kind for kind in PERSONAL_KINDS if kind not in usable],
    )


def list_confirmed() -> dict[int, list[str]]:
    """Return the names of everybody's confirmed contact methods, by the person's id."""
    with reading() as session:
        rows = session.execute(
            select(Target.user_id, Target.name)
            .where(Target.user_id.is_not(None), Target.confirmed_at.is_not(None))
            .order_by(Target.id)
        )
        found: dict[int, list[str]] = {}
        for user_id, name in rows:
            if user_id is not None:
                found.setdefault(user_id, []).append(name)
        return found


def add_contact_method(user_id: int, kind: Kind, typed: Mapping[str, str | None]) -> Target:
    """Add a contact method, which gets nothing but its code until that is entered.

    Raises FieldError, and RefusedError for a kind that no admin has set up an account for.
    """
    if kind not in PERSONAL_KINDS:
        raise RefusedError("This kind of target cannot be a person's contact method.")
    with transaction() as session:
        lender = find_lender(session, kind)
        lent = settings_of(lender) if lender else Settings({}, {})
        if KINDS[kind].borrowed and lender is None:
            raise RefusedError(f"An admin has to add a target of the kind {label_of(kind)} first.")
        settings = _own(kind, read_settings(kind, _merged(kind, typed, lent)))
        _check_number(session, user_id)
        plain: dict[str, Any] = dict(settings.plain)
        if KINDS[kind].borrowed and lender is not None:
            plain[VIA] = lender.id
        _check_is_new(session, user_id, kind, settings)
        method = Target(
            name=_name(kind, settings)[:NAME_LENGTH],
            kind=kind.value,
            user_id=user_id,
            settings=plain,
            secrets=settings.sealed(),
            created_at=clock.utcnow(),
            tells_mentions=kind is Kind.EMAIL,
        )
        session.add(method)
        session.flush()
        record_contact_event(session, "added", method)
        return method


def choose_what_is_told(user_id: int, method_id: int, *, mentions: bool, watched: bool) -> str:
    """Choose what a contact method tells its person besides pages; returns its name.

    `mentions` are mentions in notes, `watched` changes of tickets that the person watches or has,
    and tickets that are assigned to them. Raises NotFoundError.
    """
    with transaction() as session:
        method = get_method(session, user_id, method_id)
        if (method.tells_mentions, method.tells_watched) != (mentions, watched):
            method.tells_mentions, method.tells_watched = mentions, watched
            record_contact_event(session, "changed", method)
        return method.name


def delete_contact_method(user_id: int, method_id: int) -> str:
    """Delete a person's contact method, and drop what waits for it; returns its name.

    Raises NotFoundError, for somebody else's too.
    """
    with transaction() as session:
        method = get_method(session, user_id, method_id)
        session.execute(
            update(OutboxRow)
            .where(OutboxRow.target_id == method_id, OutboxRow.state == OutboxState.PENDING)
            .values(state=OutboxState.DROPPED, answer="The contact method was deleted."),
            execution_options=NO_SYNC,
        )
        record_contact_event(session, "deleted", method)
        session.delete(method)
        return method.name


def get_method(session: Session, user_id: int, method_id: int) -> Target:
    """Return a person's own contact method, locked; raises NotFoundError."""
    method = get_row(session, Target, method_id, NO_SUCH_METHOD, lock=True)
    if method.user_id != user_id:
        raise NotFoundError(NO_SUCH_METHOD)
    return method


def find_lender(session: Session, kind: Kind) -> Target | None:
    """Return the team's target whose account people's contact methods of a kind send with."""
    if not KINDS[kind].borrowed:
        return None
    query = select(Target).where(Target.user_id.is_(None), Target.kind == kind.value)
    usable_first = Target.paused_at.is_(None).desc()
    return session.scalars(query.order_by(usable_first, Target.id).limit(1)).first()


def label_of(kind: Kind) -> str:
    """The name of a kind for people."""
    return KINDS[kind].label


def record_contact_event(session: Session, what: str, method: Target) -> None:
    """Record what a person did to a contact method of their own."""
    record_event(
        session,
        action=f"contact_method.{what}",
        subject_type="contact_method",
        subject_id=method.id,
        after={"user_id": method.user_id, "name": method.name, "kind": method.kind},
        actor_id=method.user_id,
    )


def _merged(kind: Kind, typed: Mapping[str, str | None], lent: Settings) -> dict[str, str | None]:
    """Return what was typed, with the borrowed settings beside it so that all can be checked."""
    borrowed = KINDS[kind].borrowed
    account = {**lent.plain, **lent.secret}
    own = {one.name: typed.get(one.name) for one in KINDS[kind].own_settings}
    return own | {name: account.get(name) for name in borrowed}


def _own(kind: Kind, settings: Settings) -> Settings:
    borrowed = KINDS[kind].borrowed
    return Settings(
        {name: value for name, value in settings.plain.items() if name not in borrowed},
        {name: value for name, value in settings.secret.items() if name not in borrowed},
    )


def _check_number(session: Session, user_id: int) -> None:
    count = session.scalar(select(func.count()).where(Target.user_id == user_id)) or 0
    if count >= MOST_METHODS:
        raise RefusedError(f"You have {count} contact methods: delete one first.")


def _check_is_new(session: Session, user_id: int, kind: Kind, settings: Settings) -> None:
    """Raise FieldError where the person has this contact method already."""
    main = KINDS[kind].main
    query = select(Target).where(Target.user_id == user_id, Target.kind == kind.value)
    if _main_of(kind, settings) in [
        _main_of(kind, settings_of(one)) for one in session.scalars(query)
    ]:
        raise FieldError({main: "You have this contact method already."})


def _main_of(kind: Kind, settings: Settings) -> str:
    return {**settings.plain, **settings.secret}.get(KINDS[kind].main, "")


def _name(kind: Kind, settings: Settings) -> str:
    """Return what colleagues read: no whole number, key or topic."""
    main = _main_of(kind, settings)
    if kind is Kind.EMAIL:
        return f"Email {main}"
    if kind is Kind.NTFY:
        return f"ntfy at {urlsplit(main).hostname}"
    return f"{'SMS' if kind is Kind.SMS else label_of(kind)} …{main[-SHOWN_DIGITS:]}"
