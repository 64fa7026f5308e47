"""What somebody can and cannot do with the database file, with Redis: see docs/security.md."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask

from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.security.factors import set_up_app
from tests.support.valkey import ValkeyServer
from webapp import create_app, task_queue
from webapp.config import Config
from webapp.crypto import UnreadableText
from webapp.extensions import db
from webapp.models import AuthenticatorApp, Connection, Device, UserSession
from webapp.services.people.password_links import make_password_link
from webapp.services.people.pending_sign_ins import begin_pending
from webapp.services.people.sessions import Browser, begin_session, find_session
from webapp.services.people.throttle import ThrottledError, reserve_attempt, sign_in_keys
from webapp.services.people.users import add_user
from webapp.services.transactions import transaction

PASSWORD = "a long brown horse"
KEY, SECRET = "hk_marked-api-key", "hs_marked-api-secret"


@pytest.fixture
def ada(app: Flask, fake_clock: FakeClock) -> int:
    user = add_user(
        email="ada@example.com", name="Ada", password="a long brown horse", role="admin"
    )
    return user.id


class TestDatabaseFile:
    """A copy of the file, and nothing of what lies beside it."""

    @pytest.fixture
    def secrets(self, ada: int, fake_clock: FakeClock) -> dict[str, str]:
        """Everything that opens something, as its owner has it."""
        with transaction() as session:
            session.add(
                Connection(
                    name="Acme",
                    base_url="https://api.huntress.io",
                    account_id="17",
                    account_name="Acme",
                    api_key=KEY,
                    api_secret=SECRET,
                    created_at=fake_clock.now(),
                )
            )
        begun = begin_session(ada, Browser())
        app_key, made = set_up_app(ada, begun.token)
        return {
            "API key": KEY,
            "API secret": SECRET,
            "key of the app": app_key,
            "session": made.token,
            "device": begun.device_token,
            "waiting sign-in": begin_pending("factor", user_id=ada),
            "password link": make_password_link(ada, actor_id=None).token,
            "password": PASSWORD,
            **{f"recovery code {number}": code for number, code in enumerate(made.codes)},
        }

    def test_holds_nothing_that_opens_anything(
        self, config: Config, secrets: dict[str, str]
    ) -> None:
        db.session.remove()
        stored = b"".join(
            path.read_bytes() for path in config.data_dir.glob("triagedesk.db*") if path.is_file()
        )
        assert b"ada@example.com" in stored
        found = [
            name
            for name, value in secrets.items()
            if any(form in stored for form in {value.encode(), value.replace("-", "").encode()})
        ]
        assert found == []

    def test_opens_no_session_elsewhere(
        self, config: Config, secrets: dict[str, str], tmp_path: Path
    ) -> None:
        """Not even with the cookie of a session that is stored in it."""
        with elsewhere(config, tmp_path):
            assert all_rows(UserSession)
            assert all_rows(Device)
            assert find_session(secrets["session"]) is None
        assert find_session(secrets["session"]) is not None

    def test_tells_no_stored_secret_elsewhere(
        self, config: Config, secrets: dict[str, str], tmp_path: Path
    ) -> None:
        with elsewhere(config, tmp_path):
            [connection] = all_rows(Connection)
            [key_of_app] = all_rows(AuthenticatorApp)
            for value in (connection.api_key, connection.api_secret, key_of_app.secret):
                assert isinstance(value, UnreadableText)


class TestRedis:
    """Somebody who may do with Redis whatever they like."""

    @pytest.fixture
    def valkey(self) -> Iterator[ValkeyServer]:
        server = ValkeyServer().start()
        task_queue.configure(server.url)
        yield server
        server.close()

    def test_guesses_stay_counted(self, ada: int, valkey: ValkeyServer) -> None:
        keys = sign_in_keys("ada@example.com", "203.0.113.7", None)
        for _ in range(5):
            reserve_attempt(keys)
        connection = valkey.connect()
        connection.flushall()
        connection.close()
        with pytest.raises(ThrottledError):
            reserve_attempt(keys)

    def test_sessions_are_not_there(self, ada: int, valkey: ValkeyServer) -> None:
        begun = begin_session(ada, Browser())
        connection = valkey.connect()
        everything = [bytes(key) + (connection.dump(key) or b"") for key in connection.keys("*")]
        assert not any(begun.token.encode() in one for one in everything)
        connection.flushall()
        connection.close()
        assert find_session(begun.token) is not None


class elsewhere:  # noqa: N801 - it is used like a function
    """A copy of the database file on a machine with keys of its own."""

    def __init__(self, config: Config, folder: Path) -> None:
        db.session.remove()
        place = folder / "elsewhere"
        place.mkdir()
        for path in config.data_dir.glob("triagedesk.db*"):
            shutil.copy(path, place)
        self._app = create_app(
            replace(
                config,
                data_dir=place,
                database_url=f"sqlite:///{place / 'triagedesk.db'}",
                secret_key="a secret key of another machine",
                encryption_keys=(Fernet.generate_key().decode(),),
            )
        )
        self._home = config

    def __enter__(self) -> None:
        self._context = self._app.app_context()
        self._context.push()

    def __exit__(self, *_: object) -> None:
        db.session.remove()
        db.engine.dispose()
        self._context.pop()
        create_app(self._home)  # so that this process knows the keys of home again
