"""What tests of the triage desk share."""
