"""Signing in, one's own account, and the users' pages for admins."""

from webapp.web.people.account_routes import account
from webapp.web.people.contact_routes import contact
from webapp.web.people.user_routes import users

BLUEPRINTS = (account, contact, users)
