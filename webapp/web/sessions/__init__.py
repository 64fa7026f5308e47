"""Cookies of sessions and known browsers."""
