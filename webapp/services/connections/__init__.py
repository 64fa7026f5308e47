"""Huntress accounts: connecting, credentials, routing settings, health, last exchanges."""
