"""Rules of the triage desk: what belongs together, and what is left to do."""
