"""Clients and their assets."""
