"""Closing tickets of which Huntress still has something to be done."""
