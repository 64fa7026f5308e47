"""Mapping Huntress organizations to clients: sync, matching by name, people's choices, import."""
