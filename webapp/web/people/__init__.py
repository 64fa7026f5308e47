"""Signing in, one's own account, and the users' pages for admins."""

from webapp.web.people import account_routes, session_routes, sign_in_routes  # noqa: F401
from webapp.web.people.blueprint import account
from webapp.web.people.contact_routes import contact
from webapp.web.people.user_routes import users

BLUEPRINTS = (account, contact, users)
