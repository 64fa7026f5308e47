"""Integrations, and the page of one connection: account, routing, preview."""
