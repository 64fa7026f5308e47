"""Receivers of notices, as tests need them: a mail server, web servers, providers' services."""
