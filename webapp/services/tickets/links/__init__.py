"""Links between tickets: making and removing them, and what follows from them."""
