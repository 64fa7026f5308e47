import base64
import hmac
from hashlib import sha256

import pytest
from flask import Flask
from itsdangerous import SignatureExpired, URLSafeTimedSerializer

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


def test_signatures_are_made_by_sha256(app: Flask) -> None:
    """Of the cookie, and of the forms, whose library has no setting for it."""
    cookies = ClockSessions().get_signing_serializer(app)
    assert cookies is not None
    assert cookies.make_signer().digest_method is sha256
    forms = URLSafeTimedSerializer("k" * 32, salt="wtf-csrf-token")
    assert forms.make_signer().digest_method is sha256
    payload, _, signature = str(forms.dumps("x")).rpartition(".")
    key = sha256(b"wtf-csrf-token" + b"signer" + b"k" * 32).digest()
    expected = hmac.digest(key, payload.encode(), "sha256")
    assert signature == base64.urlsafe_b64encode(expected).decode().rstrip("=")
