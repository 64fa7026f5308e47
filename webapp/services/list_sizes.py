"""How many rows of a list are read at once, for a page and for an export."""

PAGE_SIZE = 50
EXPORT_BATCH = 500
