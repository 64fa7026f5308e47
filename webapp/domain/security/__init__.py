"""Rules about who gets in, and about what is on record of what they did."""
