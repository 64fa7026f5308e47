"""Backups, and what is held after a restore."""

from webapp.web.recovery.backup_routes import backups

BLUEPRINTS = (backups,)
