"""Ways out of the machine for what has to be on record elsewhere."""
