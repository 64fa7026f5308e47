"""Which fields of a form hold what no page shows again."""

from webapp.services.notices.targets.values import ADDRESS

FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
"""Tells one shown form from another, so that it opens one ticket; it is no secret."""

NEVER_SHOWN = ("answer", "code", "password", "secret", "token", "key")


def is_secret_field(name: str) -> bool:
    """Whether a field of this name is never shown again with what was typed into it.

    Whoever knows the address of a Teams, Slack or ntfy target can write or read there.
    """
    if name == FORM_TOKEN:
        return False
    return name == ADDRESS or any(word in name.lower() for word in NEVER_SHOWN)
