"""What open pages ask for every few seconds: has anything changed, who else is here."""
