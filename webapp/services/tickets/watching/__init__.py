"""Who watches a ticket, and telling them what changes."""
