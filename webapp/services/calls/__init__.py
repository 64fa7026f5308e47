"""Calls to Huntress: opening a client, the shared call window, and errors in words."""
