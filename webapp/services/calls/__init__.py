"""Calls to Huntress: a client for a connection, the shared call window, failures in words."""
