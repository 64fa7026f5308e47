"""How many rows of a list are read at once: for a page, and for a file of all of them."""

PAGE_SIZE = 50
EXPORT_BATCH = 500
