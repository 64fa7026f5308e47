"""Signing in, one's own account, and the users' pages for admins."""

from webapp.web.people import (  # noqa: F401
    account_routes,
    second_step_routes,
    session_routes,
    sign_in_routes,
)
from webapp.web.people.blueprint import account
from webapp.web.people.contact_routes import contact
from webapp.web.people.factor_reset_routes import factor_reset
from webapp.web.people.factor_routes import factors
from webapp.web.people.user_routes import users

BLUEPRINTS = (account, contact, factor_reset, factors, users)
