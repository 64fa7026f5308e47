"""Rules about who gets in and what is kept of it."""
