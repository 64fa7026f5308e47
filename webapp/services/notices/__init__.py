"""Telling people: targets, policies, escalations, the outbox and its delivery."""
