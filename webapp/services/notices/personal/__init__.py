"""Mails to single people about their own accounts."""
