"""Huntress accounts: connecting, credentials, routing settings, health and the last calls."""
