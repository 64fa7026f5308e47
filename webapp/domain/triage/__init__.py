"""Rules of triage: what helps a technician to tell incidents apart and to work them."""
