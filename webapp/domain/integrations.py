"""The registry of integrations that Triagedesk can be connected to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class IntegrationCategory(StrEnum):
    """The categories of the Integrations page, in the order of the page."""

    SECURITY = "Security"
    MONITORING = "Monitoring"
    DOCUMENTATION = "Documentation"


@dataclass(frozen=True, slots=True)
class Provider:
    """One integration; `badge` is the edition that it is part of, and `symbol` names an icon."""

    key: str
    title: str
    description: str
    category: IntegrationCategory
    capabilities: tuple[str, ...]
    badge: str
    symbol: str


PROVIDERS = (
    Provider(
        key="huntress",
        title="Huntress",
        description="Every incident report that needs work becomes exactly one ticket with the "
        "right client, priority and board, or lands visibly on the triage board.",
        category=IntegrationCategory.SECURITY,
        capabilities=(
            "Incident reports become tickets",
            "Organizations are mapped to clients",
            "Updates, closings and reopenings are noted",
            "Read only: nothing is written to Huntress",
        ),
        badge="Enterprise",
        symbol="shield-check",
    ),
)


def providers_by_category(
    providers: Iterable[Provider] = PROVIDERS,
) -> list[tuple[IntegrationCategory, list[Provider]]]:
    """Return the providers by category, sorted by title; empty categories are left out."""
    known = sorted(providers, key=lambda provider: provider.title.casefold())
    groups = [
        (category, [provider for provider in known if provider.category is category])
        for category in IntegrationCategory
    ]
    return [(category, members) for category, members in groups if members]
