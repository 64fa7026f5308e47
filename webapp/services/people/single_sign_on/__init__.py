"""Signing in with an identity provider, and what passwords may still do then."""
