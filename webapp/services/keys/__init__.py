"""The keys of encrypted columns: what uses them, verified, rotated, forgotten."""
