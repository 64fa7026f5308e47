"""The address of an incident's page in Huntress's portal, as pages and CSV files show it."""

from webapp.domain.ticket_text import build_portal_url
from webapp.extensions import current_config

UNUSABLE_ID = "sha256:"
"""How the key of a report without a usable id begins; the portal has no page for it."""


def link_to_portal(
    incident_id: str | None, *, subdomain: str | None, organization_id: str | None
) -> str | None:
    """The address of the incident's page; None where the incident has no id.

    `subdomain` is that of the connection's account.
    """
    if not incident_id or incident_id.startswith(UNUSABLE_ID):
        return None
    return build_portal_url(
        subdomain,
        incident_id,
        organization_id=organization_id,
        template=current_config().huntress_portal_url,
    )
