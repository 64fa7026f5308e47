"""Signing in, the own account, and the people who may."""

from webapp.web.people.account_routes import account
from webapp.web.people.user_routes import users

BLUEPRINTS = (account, users)
