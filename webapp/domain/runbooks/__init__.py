"""The rules of runbooks and canned notes."""
