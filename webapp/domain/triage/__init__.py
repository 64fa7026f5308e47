"""The rules of the triage desk."""
