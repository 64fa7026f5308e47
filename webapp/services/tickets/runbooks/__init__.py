"""Runbooks: edited, attached to tickets as checklists, worked through."""
