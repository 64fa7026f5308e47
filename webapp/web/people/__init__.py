"""Signing in, one's own account, and the users' pages for admins."""

from webapp.web.people import (  # noqa: F401
    account_routes,
    form_token_routes,
    second_step_routes,
    session_routes,
    sign_in_routes,
    single_sign_on_routes,
)
from webapp.web.people.better_password_routes import MUST_CHANGE_PASSWORD
from webapp.web.people.blueprint import account
from webapp.web.people.contact_routes import contact
from webapp.web.people.factor_reset_routes import factor_reset
from webapp.web.people.factor_routes import SET_UP_FACTOR, factors
from webapp.web.people.user_routes import users

BLUEPRINTS = (account, contact, factor_reset, factors, users)

GATES = (SET_UP_FACTOR, MUST_CHANGE_PASSWORD)
"""What a person may have to do before they go on; the first one that is closed comes first."""
