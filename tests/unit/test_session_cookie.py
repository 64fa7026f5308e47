import pytest
from flask import Flask
from itsdangerous import SignatureExpired

from tests.support.fake_clock import FakeClock
from webapp import clock
from webapp.web.session_cookie import ClockSessions


def test_a_cookie_of_one_web_server_holds_on_another_whose_clock_is_ten_minutes_behind() -> None:
    app, world = Flask("desk"), FakeClock()
    app.secret_key = "k" * 32
    cookies = ClockSessions().get_signing_serializer(app)
    assert cookies is not None
    with clock.replaced(world.now, world.sleep):
        signed = cookies.dumps({"id": 1})
        world.advance(minutes=-10)
        assert cookies.loads(signed, max_age=3600) == {"id": 1}
        world.advance(minutes=75)
        with pytest.raises(SignatureExpired):
            cookies.loads(signed, max_age=3600)
