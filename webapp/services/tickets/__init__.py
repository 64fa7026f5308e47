"""Tickets as people work them: list, search, views, one ticket, changes singly and in bulk."""
