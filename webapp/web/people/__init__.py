"""Signing in, one's own account, and the users' pages for admins."""

from webapp.web.people import (  # noqa: F401
    account_routes,
    session_routes,
    sign_in_routes,
    single_sign_on_routes,
)
from webapp.web.people.better_password_routes import MUST_CHANGE_PASSWORD
from webapp.web.people.blueprint import account
from webapp.web.people.contact_routes import contact
from webapp.web.people.user_routes import users

BLUEPRINTS = (account, contact, users)

GATES = (MUST_CHANGE_PASSWORD,)
"""What a person may have to do before they go on; the first one that is closed comes first."""
