"""Which second factors people have, for pages and commands."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from webapp.domain.security.recovery_code_text import is_running_low
from webapp.models import AuthenticatorApp, Passkey, RecoveryCode, User
from webapp.services.lookups import get_user
from webapp.services.people.factors.recovery_codes import count_unused_codes
from webapp.services.people.factors.stored_factors import (
    confirmed_app,
    list_passkeys,
)
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """A person's factors as their own page shows them. Times are UTC.

    `is_app_readable` is False where no key fits the app's secret: its codes cannot be checked.
    """

    app_since: datetime | None
    is_app_readable: bool
    passkeys: list[Passkey]
    unused_codes: int

    @property
    def has_any(self) -> bool:
        """Whether signing in needs a second step."""
        return self.app_since is not None or bool(self.passkeys)

    @property
    def needs_new_codes(self) -> bool:
        """Whether so few recovery codes are left that new ones should be made."""
        return self.has_any and is_running_low(self.unused_codes)


@dataclass(frozen=True, slots=True)
class FactorSummary:
    """A person's factors in a list of people."""

    has_app: bool = False
    passkeys: int = 0
    unused_codes: int = 0

    @property
    def words(self) -> list[str]:
        """The factors in words, such as `app`, `2 passkeys`; empty if there is none."""
        keys = "passkey" if self.passkeys == 1 else f"{self.passkeys} passkeys"
        return ["app"] * self.has_app + [keys] * bool(self.passkeys)


def read_own_factors(user_id: int) -> OwnFactors:
    """The factors of one person; raises NotFoundError."""
    with reading() as session:
        user = get_user(session, user_id)
        app = confirmed_app(session, user.id)
        return OwnFactors(
            app_since=app.confirmed_at if app else None,
            is_app_readable=bool(app and app.secret),
            passkeys=list_passkeys(session, user.id),
            unused_codes=count_unused_codes(session, user.id),
        )


def summarize_factors(user_ids: Collection[int] | None = None) -> dict[int, FactorSummary]:
    """The factors of these people, or of all, by id; who has none gets an empty summary.

    Takes a fixed number of queries.
    """
    with reading() as session:
        ids = list(session.scalars(select(User.id))) if user_ids is None else list(user_ids)
        apps = _count(session, AuthenticatorApp, AuthenticatorApp.confirmed_at.is_not(None))
        passkeys = _count(session, Passkey)
        codes = _count(session, RecoveryCode, RecoveryCode.used_at.is_(None))
    return {one: FactorSummary(apps[one] > 0, passkeys[one], codes[one]) for one in ids}


def _count(
    session: Session,
    model: type[AuthenticatorApp | Passkey | RecoveryCode],
    *conditions: ColumnElement[bool],
) -> defaultdict[int, int]:
    query = select(model.user_id, func.count()).where(*conditions).group_by(model.user_id)
    return defaultdict(int, {row[0]: row[1] for row in session.execute(query)})
