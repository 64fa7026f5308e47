"""The registry of integrations: what Triagedesk can be connected to, as data."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class IntegrationCategory(StrEnum):
    """The categories of the Integrations page, in its order."""

    SECURITY = "Security"
    MONITORING = "Monitoring"
    DOCUMENTATION = "Documentation"


@dataclass(frozen=True, slots=True)
class Provider:
    """One integration. `badge` is the edition it is part of; `symbol` names an icon."""

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
    """The providers under their categories, by title; a category without one is left out."""
    known = sorted(providers, key=lambda provider: provider.title.casefold())
    groups = [
        (category, [provider for provider in known if provider.category is category])
        for category in IntegrationCategory
    ]
    return [(category, members) for category, members in groups if members]
