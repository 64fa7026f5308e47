"""An app whose requests are as in production: CSRF on, no context left open around them."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.support.filled_desks import FilledDesks
from tests.support.made_once import COMPILED_TEMPLATES
from tests.support.mapping_data import add_mappings
from tests.support.poller import allow_host
from tests.support.security.auditors import AUDITOR, add_auditor
from tests.support.security.sessions import COOKIE, begin
from tests.web.pages import Browser
from webapp import create_app
from webapp.config import Config
from webapp.extensions import db
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.services.connections.connect_account import connect_account
from webapp.services.people.first_admin import issue_setup_token
from webapp.services.people.users import find_user


@pytest.fixture
def app(config: Config, fake_clock: FakeClock) -> Iterator[Flask]:
    """The app; tests open a context themselves where they call services."""
    app = create_app(config)
    app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def people(app: Flask) -> tuple[int, int]:
    """The ids of an admin and a helpdesk person."""
    with app.app_context():
        admin, helpdesk = desk_data.add_people()
        return admin.id, helpdesk.id


@pytest.fixture(scope="session")
def filled_desks(tmp_path_factory: pytest.TempPathFactory) -> FilledDesks:
    """Copies of databases with a desk in them."""
    return FilledDesks(tmp_path_factory.mktemp("desks"))


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock, filled_desks: FilledDesks) -> Desk:
    """People, a connection and a dozen tickets."""
    with app.app_context():
        return filled_desks.fill(fake_clock.now(), tickets=12)


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser nobody is signed in with."""
    return Browser(app)


@pytest.fixture
def sign_in(app: Flask) -> Callable[[tuple[str, str]], Browser]:
    """Signs somebody in, in a browser of their own."""

    def _sign_in(person: tuple[str, str]) -> Browser:
        browser = Browser(app)
        with app.app_context():
            user = find_user(person[0])
            browser.client.set_cookie(COOKIE, begin(user.id, "tests"))
        return browser

    return _sign_in


@pytest.fixture
def admin(desk: Desk, sign_in: Callable[[tuple[str, str]], Browser]) -> Browser:
    """An admin on the filled desk."""
    return sign_in(ADMIN)


@pytest.fixture
def helpdesk(desk: Desk, sign_in: Callable[[tuple[str, str]], Browser]) -> Browser:
    """A helpdesk person on the filled desk."""
    return sign_in(HELPDESK)


@pytest.fixture
def auditor(app: Flask, desk: Desk, sign_in: Callable[[tuple[str, str]], Browser]) -> Browser:
    """An auditor on the filled desk."""
    with app.app_context():
        add_auditor()
    return sign_in(AUDITOR)


@pytest.fixture
def setup_token(app: Flask) -> str:
    """The token of a new install."""
    with app.app_context():
        return str(issue_setup_token())


@pytest.fixture
def huntress(app: Flask, fake_clock: FakeClock) -> Iterator[Simulator]:
    """A small Huntress account that the app may call."""
    account = SimulatedAccount(now=fake_clock.now(), name="Acme MSP", subdomain="acme")
    with Simulator(account, clock=fake_clock.now) as simulator:
        allow_host(app, simulator.base_url)
        yield simulator


@pytest.fixture
def connected(app: Flask, people: tuple[int, int], huntress: Simulator) -> int:
    """The account, connected by nobody in particular; nothing is routed or started yet."""
    with app.app_context():
        connection = connect_account(
            name="", base_url=huntress.base_url, api_key="hk_demo", api_secret="hs_demo"
        )
        return connection.id


@pytest.fixture
def mapping_table(
    app: Flask,
    people: tuple[int, int],
    fake_clock: FakeClock,
    sign_in: Callable[[tuple[str, str]], Browser],
) -> Browser:
    """An admin, and a connection with sixteen organizations in every state."""
    with app.app_context():
        desk_data.add_connection(fake_clock.now())
        add_mappings(1, fake_clock.now(), organizations=16)
    return sign_in(ADMIN)
