"""A fresh token for a form that was shown before its person signed in again."""

from flask import Response
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from webapp.web.access import for_oneself
from webapp.web.people.blueprint import account


@account.get("/form-token")
@for_oneself
def form_token() -> ResponseReturnValue:
    """The token with which this session sends forms; other sites cannot read the answer."""
    return Response(generate_csrf(), mimetype="text/plain")
