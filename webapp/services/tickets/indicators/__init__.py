"""Indicators of compromise of tickets: writing them with a report, and reading them."""
