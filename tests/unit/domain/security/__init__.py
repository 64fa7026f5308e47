"""Rules about who gets in."""
