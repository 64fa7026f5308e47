"""Files on tickets: their names, and how much is taken."""
