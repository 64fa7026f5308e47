"""Signing in, the own account, and the people who may."""
