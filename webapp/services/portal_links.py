"""The links to Huntress's portal, in the form that each connection has chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.portal_link import (
    INCIDENT_REPORTS_URL,
    INFECTION_REPORTS_URL,
    build_portal_url,
)
from webapp.domain.watch.drill import DRILL_PREFIX
from webapp.extensions import current_config
from webapp.models import Alert, Connection

INSTALL, OWN = "install", "own"
PORTAL_FORMS = {
    "incident_reports": INCIDENT_REPORTS_URL,
    "infection_reports": INFECTION_REPORTS_URL,
}
"""The forms in use elsewhere, by the name of the choice; the others are INSTALL and OWN."""


@dataclass(frozen=True, slots=True)
class PortalChoice:
    """A form of links that can be chosen.

    `url` is the newest incident's address in that form, None while there is no incident or no form.
    """

    key: str
    template: str | None
    url: str | None
    is_chosen: bool


def list_portal_choices(session: Session, connection: Connection) -> Sequence[PortalChoice]:
    """Return the forms that the connection can choose, the install's first."""
    newest = session.execute(
        select(Alert.external_alert_id, Alert.organization_external_id)
        .where(
            Alert.connection_id == connection.id,
            Alert.is_drill.is_(False),
            Alert.external_alert_id.not_like("sha256:%"),
        )
        .order_by(Alert.id.desc())
        .limit(1)
    ).one_or_none()
    chosen = connection.portal_template
    own = None if chosen in PORTAL_FORMS.values() else chosen
    templates = {INSTALL: portal_template(None), **PORTAL_FORMS, OWN: own}
    by_template = {template: key for key, template in PORTAL_FORMS.items()}
    chosen_key = INSTALL if chosen is None else by_template.get(chosen, OWN)

    def url(template: str | None) -> str | None:
        if newest is None or template is None:
            return None
        return incident_url(*newest, subdomain=connection.subdomain, chosen=template)

    return [
        PortalChoice(key, template, url(template), key == chosen_key)
        for key, template in templates.items()
    ]


def portal_template(chosen: str | None) -> str:
    """Return the form of a connection's links: the `chosen` one, or else the install's."""
    return chosen or current_config().huntress_portal_url


def incident_url(
    reference: str | None,
    organization_id: str | None,
    *,
    subdomain: str | None,
    chosen: str | None,
) -> str | None:
    """Return the address of an incident's page in the portal; None where it has no usable id.

    `reference` is a ticket's `source_reference` or an alert's `external_alert_id`, `subdomain` the
    connection's, `chosen` its `portal_template`.
    """
    if not reference or reference.startswith(("sha256:", DRILL_PREFIX)):
        return None
    template = portal_template(chosen)
    return build_portal_url(
        subdomain, reference, organization_id=organization_id, template=template
    )
