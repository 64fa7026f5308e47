"""Encrypted values of every column, and looking at what is really stored."""

from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import text

from tests.support.fake_clock import START
from tests.support.rows import add
from webapp.extensions import db
from webapp.models import AuthenticatorApp, Connection, NotificationSettings, Target, User
from webapp.models.encrypted import encrypted_columns
from webapp.services.transactions import reading, transaction

LABELS = {
    *("connections.api_key", "connections.api_secret", "notification_targets.secrets"),
    *("notification_settings.mail_password", "authenticator_apps.secret"),
}


def connection(number: int, **values: Any) -> Connection:
    fixed = {"name": f"Acme {number}", "base_url": "", "account_id": str(number)}
    secrets = {"api_key": f"key {number}", "api_secret": f"secret {number}"}
    return Connection(**{**fixed, "created_at": START, **secrets, **values})


def target(number: int, **values: Any) -> Target:
    fixed = {"name": f"Target {number}", "kind": "webhook", "settings": {}, "created_at": START}
    return Target(**{**fixed, "secrets": f'{{"secret": "{number}"}}', **values})


def fill() -> None:
    """A value in each encrypted column, in some of them several."""
    user = add(
        User(email="a@b.example", name="A", password_hash="", role="admin", created_at=START)
    )
    with transaction() as session:
        session.add_all([connection(1), connection(2), *(target(n) for n in range(3))])
        settings = session.get(NotificationSettings, 1) or NotificationSettings(id=1)
        settings.mail_password = "mail pass"
        app = AuthenticatorApp(user_id=user.id, secret="TOTPSEED", created_at=START)
        session.add_all([settings, app])


def raw(label: str, row: int = 1) -> str:
    """What a column of a row holds."""
    table, column = label.split(".")
    query = text(f"SELECT {column} FROM {table} WHERE id = :row")
    with reading() as session:
        return str(session.scalar(query, {"row": row}))


def write_raw(label: str, row: int, stored: str) -> None:
    """Write to the database past the product."""
    table, column = label.split(".")
    query = text(f"UPDATE {table} SET {column} = :stored WHERE id = :row")
    with transaction() as session:
        session.execute(query, {"stored": stored, "row": row})


def everything() -> dict[tuple[str, int], str | None]:
    """Every secret in plain text, by column and row."""
    with reading() as session:
        return {
            (str(column), row): plain
            for column in encrypted_columns(db.metadata)
            for row, plain in session.execute(
                db.select(column.table.c.id, column).order_by(column.table.c.id)
            )
        }


def all_stored() -> list[str]:
    """Every encrypted value as it is stored."""
    labels = sorted(LABELS)
    with reading() as session:
        return [
            stored
            for table, column in (label.split(".") for label in labels)
            for (stored,) in session.execute(
                text(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY id")
            )
        ]


def make_old(key: str) -> None:
    """Write every value in the form from before there were key ids."""
    for (label, row), plain in everything().items():
        if plain is not None:
            write_raw(label, row, Fernet(key).encrypt(plain.encode()).decode())
