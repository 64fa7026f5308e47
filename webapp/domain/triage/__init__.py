"""What a technician needs to tell incidents apart and to work on them."""
