"""Signing in, one's own account, and the users' pages for admins."""

from webapp.web.people.account_routes import account
from webapp.web.people.better_password_routes import MUST_CHANGE_PASSWORD, better_password
from webapp.web.people.contact_routes import contact
from webapp.web.people.user_routes import users

BLUEPRINTS = (account, better_password, contact, users)

GATES = (MUST_CHANGE_PASSWORD,)
"""What a person may have to do before they go on; the first one that is closed comes first."""
