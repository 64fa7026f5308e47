"""Searching: what is typed, letters without accents, matches in context, words of a report."""
