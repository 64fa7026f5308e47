"""A desk that is attacked: people of every role, what an answer may not show, what changed."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from flask import Flask
from sqlalchemy import func, inspect, select, text
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from tests.support.desk_data import ADMIN, HELPDESK, fill_desk
from tests.support.security.auditors import AUDITOR, add_auditor
from tests.support.security.hostile_input import Attacker, Form, HostileRequest, forms_of
from tests.support.security.sessions import COOKIE, begin
from webapp import clock
from webapp.domain.security.events import ACCESS_REFUSED
from webapp.extensions import db
from webapp.models import AuditEvent, User, UserSession
from webapp.services.audit_trail.record_aside import forget_refusals
from webapp.services.people.sessions import PRESENT_FOR
from webapp.services.people.tokens import hash_cookie
from webapp.services.transactions import reading, transaction
from webapp.web.access import PUBLIC, access_of, is_allowed
from webapp.web.presence import ALWAYS, TO_SEND

NOBODY, ABSENT = "nobody", "admin who is not present"
PEOPLE = {"helpdesk": HELPDESK, "auditor": AUDITOR, "admin": ADMIN, ABSENT: ADMIN}
ROLES = (NOBODY, "auditor", "helpdesk", ABSENT, "admin")
"""Those who change least come first, so that there is something left for the others."""

READING = ("GET", "HEAD", "OPTIONS", "TRACE")
INSIDES = re.compile(
    r"Traceback \(most recent|sqlalchemy|psycopg|sqlite3\.|werkzeug\.|File &#34;/|File \"/"
    r"|\bSELECT [\w.\"]+.{0,400} FROM |INSERT INTO|UPDATE \w+ SET|DELETE FROM",
    re.DOTALL,
)
NOT_COMPARED = re.compile(
    r"audit_|alembic_version|sqlite_|ticket_search|pending_sign_ins|sign_in_t"
)
"""Events, and what somebody leaves who tries to sign in."""

WORK = frozenset(
    {
        *("tickets", "comments", "ticket_counters", "ticket_assets", "saved_views"),
        *("bulk_changes", "alerts", "on_call_overrides", "notification_outbox", "escalations"),
        *("connections", "poll_runs", "notification_targets", "take_links"),
    }
)
"""What helpdesk changes at work: polls are asked for in connections, own contacts are targets."""


@contextmanager
def no_network() -> Iterator[None]:
    """No name leads anywhere, whatever addresses are entered."""
    error = socket.gaierror(socket.EAI_NONAME, "no names in tests")
    with patch.object(socket, "getaddrinfo", side_effect=error):
        yield


class Person:
    """Somebody of a role at a browser; who was thrown out comes in again."""

    def __init__(self, app: Flask, role: str) -> None:
        self.role = role
        self.client = app.test_client()
        self._app = app
        self._cookie = ""
        self._form_token = ""
        with app.app_context():
            email = PEOPLE[role][0] if role in PEOPLE else ""
            self.id = _id_of(email) if email else None

    def token(self) -> str:
        """A form token of the session, which is there: a person who was changed is put right."""
        if self.id is not None and not self._is_well():
            self._put_right()
        if not self._form_token:
            page = "/preferences" if self.id else "/sign-in"
            html = self.client.get(page).text
            self._form_token = re.findall(r'name="csrf_token" value="([^"]+)"', html)[0]
        return self._form_token

    def forget_token(self) -> None:
        """The cookie that belongs to it may be another one now."""
        self._form_token = ""

    @property
    def rights(self) -> str:
        """The role that rules of access look at; empty for nobody."""
        return "" if self.id is None else "admin" if self.role == ABSENT else self.role

    def _is_well(self) -> bool:
        role = "admin" if self.role == ABSENT else self.role
        with self._app.app_context(), reading() as session:
            query = select(UserSession.present_at, User).join(User, User.id == UserSession.user_id)
            found = session.execute(
                query.where(
                    UserSession.token_hash == hash_cookie(self._cookie),
                    UserSession.revoked_at.is_(None),
                )
            ).first()
            if found is None:
                return False
            is_present = found[0] is not None and found[0] > clock.utcnow() - PRESENT_FOR
            user = found[1]
            return (
                user.role == role
                and user.is_active
                and not user.must_change_password
                and user.erased_at is None
                and is_present is (self.role != ABSENT)
            )

    def _put_right(self) -> None:
        assert self.id is not None
        email, name = PEOPLE[self.role]
        with self._app.app_context():
            with transaction() as session:
                user = session.get_one(User, self.id)
                user.role = "admin" if self.role == ABSENT else self.role
                user.email, user.name, user.is_active = email, name, True
                user.must_change_password, user.erased_at = False, None
            self._cookie = begin(self.id, "tests")
            if self.role == ABSENT:
                with transaction() as session:
                    found = session.query(UserSession).filter_by(
                        token_hash=hash_cookie(self._cookie)
                    )
                    found.update({"present_at": clock.utcnow() - timedelta(hours=1)})
        self.client.set_cookie(COOKIE, self._cookie)
        self._form_token = ""


class FuzzedDesk:
    """Sends drawn requests and says what is wrong with the answers."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            fill_desk(clock.utcnow(), tickets=4)
            add_auditor()
        self.people = {role: Person(app, role) for role in ROLES}
        self.statuses: dict[int, int] = {}

    def routes(self) -> list[tuple[str, str, str]]:
        """Endpoint, rule and method of everything that is served but files."""
        return sorted(
            (rule.endpoint, rule.rule, method)
            for rule in self.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"OPTIONS"}
            if rule.endpoint != "static"
        )

    def forms(self) -> list[Form]:
        """Every form that an admin is shown."""
        person = self.people["admin"]
        person.token()
        found: list[Form] = []
        for _, rule, method in self.routes():
            path = re.sub(r"<int:[^>]+>", "1", rule)
            if method == "GET" and "<" not in path:
                answer = person.client.get(path, buffered=True)
                is_page = answer.status_code == 200 and answer.text.startswith("<!doctype")
                if is_page:
                    found += forms_of(answer.text, path)
        return found

    def attack(
        self, attacker: Attacker, role: str, endpoint: str, rule: str, method: str
    ) -> tuple[HostileRequest, list[str]]:
        """Send one request; returns it and what is wrong with the answer."""
        person = self.people[role]
        request = attacker.draw(rule, method, person.token())
        forget_refusals()
        before = self._refusals()
        answer = person.client.open(request.path, method=method, buffered=True, **request.options)
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        faults = [*self._faults(person, endpoint, request, answer)]
        is_refused = answer.status_code == 403 and 'name="confirm_' not in answer.text
        is_refused = is_refused and "HX-Redirect" not in answer.headers
        has_words = answer.status_code >= 400 and answer.mimetype == "text/html"
        words = answer.text if has_words else ""
        if "did not come from Triagedesk" in words or "form had expired" in words:
            is_refused = True
            person.forget_token()
        if is_refused and self._refusals() != before + 1:
            faults.append(f"{answer.status_code} is not in the event log")
        if answer.status_code in (302, 303):
            person.forget_token()
        answer.close()
        return request, faults

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the database, by table; each row begins with whose it is."""
        with self.app.app_context(), db.engine.connect() as connection:
            found = {}
            for table in sorted(inspect(connection).get_table_names()):
                if NOT_COMPARED.match(table):
                    continue
                columns = [one["name"] for one in inspect(connection).get_columns(table)]
                kept = [one for one in columns if one not in ("last_seen_at", "present_at")]
                owner = "id" if table == "users" else "user_id" if "user_id" in kept else ""
                owner = owner or ("owner_id" if "owner_id" in kept else "NULL")
                names = ", ".join(f'"{name}"' for name in kept)
                query = text(f"SELECT {owner}, {names} FROM {table}")
                found[table] = sorted((tuple(row) for row in connection.execute(query)), key=repr)
            return found

    def _faults(
        self, person: Person, endpoint: str, request: HostileRequest, answer: TestResponse
    ) -> Iterator[str]:
        status = answer.status_code
        if status >= 500 and not (status == 503 and endpoint == "health.answer_ready"):
            yield f"answered {answer.status}"
        shown = INSIDES.search(answer.text if (answer.mimetype or "").startswith("text/") else "")
        if shown:
            yield f"shows {shown[0][:80]!r}"
        if request.method == "OPTIONS":
            return  # Flask says which methods there are, before any view runs
        view = self.app.view_functions[self._answering(endpoint, request)]
        changes = request.method not in READING
        rule = access_of(view) or ""
        may = is_allowed(rule, person.rights, changes=changes)
        asks = getattr(view, "needs_presence", None)
        is_asked = asks == ALWAYS or (asks == TO_SEND and changes)
        if person.role == ABSENT and is_asked:
            may = False
        if changes and not request.has_token:
            may = False
        if not may and (rule != PUBLIC or changes) and status == 200:
            yield "answered 200 to somebody who may not"

    def _answering(self, endpoint: str, request: HostileRequest) -> str:
        """The endpoint that answers the request's method: several may share one address."""
        addresses = self.app.url_map.bind("localhost")
        try:
            answering, _ = addresses.match(request.path, method=request.method)
        except HTTPException:
            return endpoint
        return str(answering)

    def _refusals(self) -> int:
        with self.app.app_context(), reading() as session:
            query = select(func.count()).select_from(AuditEvent)
            return session.scalars(query.where(AuditEvent.action == ACCESS_REFUSED)).one()


def changed_by(
    before: dict[str, list[tuple[Any, ...]]],
    after: dict[str, list[tuple[Any, ...]]],
    person_id: int | None,
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that differ, by table, but those of this person."""
    changed = {
        table: [
            row
            for row in {*map(_comparable, before[table])} ^ {*map(_comparable, after[table])}
            if person_id is None or row[0] != person_id
        ]
        for table in before
    }
    return {table: rows for table, rows in changed.items() if rows}


def _comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (row[0], *map(repr, row[1:]))


def _id_of(email: str) -> int:
    with reading() as session:
        return session.scalars(select(User.id).where(User.email == email)).one()
