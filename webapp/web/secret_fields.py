"""Which fields of a form hold what no page shows again."""

NEVER_SHOWN = ("answer", "code", "password", "secret", "token", "key")


def is_secret_field(name: str) -> bool:
    """Whether a field of this name is never shown again with what was typed into it."""
    return any(word in name.lower() for word in NEVER_SHOWN)
