"""Canned notes: edited, and filled in for a ticket."""
