"""The bell: what concerns one person."""
