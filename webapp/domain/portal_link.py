"""The address of an incident's page in Huntress's portal, in the form that was chosen."""

import re
from urllib.parse import quote, urlsplit

DEFAULT_PORTAL_URL = "https://{subdomain}.huntress.io/incident_reports/{incident_id}"
INCIDENT_REPORTS_URL = (
    "https://{subdomain}.huntress.io/org/{organization_id}/incident_reports/{incident_id}"
)
INFECTION_REPORTS_URL = (
    "https://{subdomain}.huntress.io/org/{organization_id}/infection_reports/{incident_id}"
)
PORTAL_TEMPLATE_LENGTH = 500

_PLACEHOLDERS = ("{subdomain}", "{organization_id}", "{incident_id}")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def build_portal_url(
    subdomain: str | None,
    incident_id: str | int,
    *,
    organization_id: str | None = None,
    template: str = DEFAULT_PORTAL_URL,
) -> str:
    """Return the address of the incident's page in Huntress's portal.

    Without a valid subdomain the address has none. An incident without an organization has the
    default form where `template` needs one.
    """
    if not organization_id and "{organization_id}" in template:
        template = DEFAULT_PORTAL_URL
    if not _LABEL.fullmatch(subdomain or ""):
        template, subdomain = template.replace("{subdomain}.", ""), ""
    return (
        template.replace("{subdomain}", (subdomain or "").lower())
        .replace("{organization_id}", quote(organization_id or "", safe=""))
        .replace("{incident_id}", quote(str(incident_id), safe=""))
    )


def find_template_problem(template: str) -> str | None:
    """Return what is wrong with a form of links, and what to do; None where it can be used."""
    bare = template
    for placeholder in _PLACEHOLDERS:
        bare = bare.replace(placeholder, "x")
    if re.search(r"[{}]", bare):
        return f"Only {', '.join(_PLACEHOLDERS)} can be written in braces."
    if "{incident_id}" not in template:
        return "Put {incident_id} where the incident's number belongs."
    if len(template) > PORTAL_TEMPLATE_LENGTH:
        return f"Use at most {PORTAL_TEMPLATE_LENGTH} characters."
    if not bare.isascii() or re.search(r"[\s<>()\"'\\`\[\]]", bare):
        return "Leave out spaces, brackets and quotes, and write other letters as %…."
    return _find_host_problem(template, bare)


def _find_host_problem(template: str, bare: str) -> str | None:
    parts = urlsplit(bare)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        return "Begin with https:// and a host, such as https://{subdomain}.huntress.io/."
    host = re.split(r"[/?#]", template.removeprefix("https://"))[0]
    if "{organization_id}" in host or "{incident_id}" in host:
        return "In the host's name only {subdomain} can be used."
    return None
